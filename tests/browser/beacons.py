"""A server that nobody is to call, and texts that would make a browser call it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Beacon:
    """Where the texts point, and who came; TLS is never answered, but it is seen."""

    port: int
    called: list[bytes] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return HTML that tries whatever runs, loads, sends or covers something."""
        to, tls = f"http://127.0.0.1:{self.port}/beacon", f"https://127.0.0.1:{self.port}/beacon"
        mark = "window.hacked=1;document.title='hacked';alert(1)"
        return (
            f"<script>{mark}</script><script src='{to}'></script><img src='{to}' onerror=\"{mark}\" onload=\"{mark}\">"
            f"<img src='{tls}'><img srcset='{to} 2x'><picture><source srcset='{to}'><img src='x' onerror=\"{mark}\"></picture>"
            f'<p onclick="{mark}" onmouseover="{mark}" onfocus="{mark}" tabindex=\'1\' autofocus>over</p>'
            f"<a href=\"javascript:{mark}\" class='planted'>go</a><a href='java&#10;script:{mark}' class='planted'>go</a>"
            f"<a href='data:text/html,<script>{mark}</script>' class='planted'>data</a><a href='//x' ping='{to}'>ping</a>"
            f"<iframe src='{to}'></iframe><iframe srcdoc=\"<script>parent.hacked=1</script>\"></iframe>"
            f'<svg onload="{mark}"><a xlink:href="javascript:{mark}"><text>x</text></a><use href=\'{to}\'/></svg>'
            f'<math><mtext><table><mglyph><style><img src=x onerror="{mark}"></style></mglyph></table></mtext></math>'
            f"<style>@import '{to}';body{{background:url('{to}')!important;display:none!important}}</style>"
            f"<link rel='stylesheet' href='{to}'><link rel='prefetch' href='{to}'><base href='{to}/'>"
            f"<meta http-equiv='refresh' content='0;url={to}'><object data='{to}'></object><embed src='{to}'>"
            f"<video src='{to}' poster='{to}' autoplay></video><audio src='{to}' autoplay></audio>"
            f"<form action='{to}' id='desk-decide'><input name='content_hash'><button autofocus>Approve</button></form>"
            f"<div id='desk-notice' class='bar toast'>Approved</div><main id='main'><h1 id='desk-title'>hacked</h1></main>"
            f"<p style=\"position:fixed;inset:0;background:url('{to}')\">cover</p>{{{{ 7*7 }}}}"
            f"</section></div></main></textarea></title></script><script>{mark}</script>-->"
        )

    @property
    def short(self) -> str:
        """Return what fits into a name."""
        return f"<script>window.hacked=1</script><img src=http://127.0.0.1:{self.port}/x onerror=alert(1)>"

    @property
    def markdown(self) -> str:
        """Return Markdown that tries the same."""
        to = f"http://127.0.0.1:{self.port}/beacon"
        return (
            f"[go](javascript:window.hacked=1) and ![x]({to}) and [data](data:text/html,<script>hacked=1</script>) "
            f'and <{to}> and [quoted](https://a.example/"onmouseover="window.hacked=1)\n\n'
            f"{self.text}\n\n```html\n{self.text}\n```\n"
        )


@contextmanager
def beacon() -> Iterator[Beacon]:
    """Listen, and keep the first bytes of whoever comes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Beacon(server.getsockname()[1])

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.settimeout(2)
                    with suppress(OSError):
                        if said := caller.recv(200):  # a connection without a byte is the browser's preconnect
                            made.called.append(said)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield made
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
