"""``longtail api``: the JSON API, and its probe."""

import json
import os
import socket
from http.client import HTTPConnection, HTTPException
from typing import Annotated

import typer

from .ports import API_PORT
from .terminal import err, out

app = typer.Typer(add_completion=False, invoke_without_command=True)

_PATIENCE = 8.0  # seconds; the API itself asks its database and Temporal for three
_LOOPBACK = "127.0.0.1"

Port = Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")]


@app.callback()
def api(
    context: typer.Context,
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
    if context.invoked_subcommand is not None:
        return
    from src.api.serving import listen, serve  # noqa: PLC0415 - seconds, which a health check every few would pay
    from src.bootstrap import Process  # noqa: PLC0415 - likewise
    from src.settings import Settings  # noqa: PLC0415 - likewise

    from .connections import start, stay  # noqa: PLC0415 - likewise

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


@app.command()
def ready(port: Port = API_PORT) -> None:
    """Check that the API of this machine can do its work.

    For health checks: it asks /health/ready, reads no settings and opens no database. Exit codes: 0 it can; 1 it
    cannot, or does not answer.

    Example: longtail api ready
    """
    status, told = _ask(port, "/health/ready")
    missing = [f"{what}: {state}" for what, state in told.items() if state != "ok"]
    out.print("ready" if status == 200 else f"not ready: {', '.join(missing) or status}")
    if status != 200:
        raise typer.Exit(1)


def _ask(port: int, path: str) -> tuple[int | str, dict[str, object]]:
    connection = HTTPConnection(_LOOPBACK, port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except (OSError, HTTPException, ValueError) as error:
        return f"no answer ({type(error).__name__})", {}
    finally:
        connection.close()
    return answer.status, told if isinstance(told, dict) else {}
