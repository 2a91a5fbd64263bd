"""Serves the app until it is asked to stop."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import structlog
import uvicorn

from src.bootstrap import Application, show_backlog
from src.domain.errors import InputInvalid

from .app import create_app
from .edge import MAX_HEADER_BYTES

log = structlog.get_logger()

GRACE_SECONDS = 10  # for requests under way; below the stop periods of service managers
_BACKLOG = 128


class _Server(uvicorn.Server):
    """Leaves signals to us.

    The library would end the process by the signal, and not with 0."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    def shut(self) -> None:
        """Take no new connection; requests under way have their grace."""
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 is any free one.

    Raises InputInvalid.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InputInvalid("port", f"{host}:{port}", f"{error.strerror}; choose another") from error


async def serve(
    application: Application,
    listening: socket.socket,
    *,
    trusted_proxies: Sequence[str] = (),
    lifeline: int | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or the end of the file descriptor ``lifeline``.

    Then event streams end at once, proxies are told, and it goes on serving for the delay of the settings; after that
    requests under way have ten seconds. Only ``trusted_proxies`` may say in X-Forwarded-For who asks.
    """
    stopping = asyncio.Event()
    show_backlog(application.telemetry, application.database)
    app = create_app(application, stopping=stopping)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,  # ours has the request's id
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        h11_max_incomplete_event_size=2 * MAX_HEADER_BYTES,  # what is above ours gets a problem document
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    host, port = listening.getsockname()[:2]
    log.info("api_started", address=f"http://{host}:{port}")
    delay = application.settings.api_shutdown_delay
    with _stopped_by_signals(server, stopping, lifeline, delay=delay.total_seconds()):
        await server.serve(sockets=[listening])
        await app.state.background.stop()
    log.info("api_stopped")


@contextmanager
def _stopped_by_signals(
    server: _Server, stopping: asyncio.Event, lifeline: int | None, *, delay: float
) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = stopping.is_set()  # asked twice
        loop.call_later(0 if server.force_exit else delay, server.shut)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if lifeline is not None:
        loop.add_reader(lifeline, _on_lifeline, lifeline, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if lifeline is not None:
            loop.remove_reader(lifeline)


def _on_lifeline(lifeline: int, stop: Callable[[], None]) -> None:
    if not os.read(lifeline, 1024):
        asyncio.get_running_loop().remove_reader(lifeline)
        stop()
