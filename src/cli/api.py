"""``longtail api``: the JSON API, until SIGTERM."""

import os
import socket
from typing import Annotated

import typer

from src.api.serving import listen, serve
from src.bootstrap import Process
from src.settings import Settings

from .connections import start, stay
from .options import API_PORT
from .terminal import err


def api(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free one.")] = API_PORT,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(help="A proxy's address, whose X-Forwarded-For is believed. May be repeated."),
    ] = None,
    while_stdin_open: Annotated[
        bool, typer.Option("--while-stdin-open", hidden=True, help="Stop when standard input ends, as on SIGTERM.")
    ] = False,
) -> None:
    """Serve the JSON API until SIGTERM.

    /docs describes every route, /openapi.json does for programs, /health/ready is for probes. Requests need a token:
    longtail user add NAME --role admin, then longtail user token create NAME TOKEN. SIGTERM (or Ctrl-C) takes nothing
    new, ends event streams, and gives requests under way ten seconds. It speaks HTTP: put a proxy with TLS before it.

    Example: longtail api --host 0.0.0.0 --port 8400
    """
    settings = start(Settings.load(), log_level="INFO")
    listening = listen(host, port)
    bound, number = listening.getsockname()[:2]
    err.print(f"API http://{bound}:{number}, documented at /docs", soft_wrap=True)
    stay(
        lambda application: serve(
            application,
            listening,
            trusted_proxies=trusted_proxy or (),
            lifeline=0 if while_stdin_open else None,
        ),
        settings,
        Process(kind="api", instance=f"api@{socket.gethostname()}:{os.getpid()}"),
    )
