"""Serves ``/metrics`` from a thread.

So a busy event loop is seen, and not silent.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger()

_LONGEST_LAG = 2.0  # seconds that a scrape waits for the loop; more is shown as this
_ANY_FREE = 0


class MetricsServer:
    """An HTTP server that tells metrics alone, to whoever asks."""

    def __init__(self, registry: CollectorRegistry, *, host: str, port: int) -> None:
        """Serve at ``port``, or at a free one if that is taken.

        A worker that drains keeps its port for minutes, and the next one does not wait for it. Raises OSError when
        ``host`` is not ours.
        """
        try:
            self._server, _ = start_http_server(port, host, registry)
        except OSError:
            if port == _ANY_FREE:
                raise
            log.warning("metrics_port_taken", host=host, port=port)
            self._server, _ = start_http_server(_ANY_FREE, host, registry)
        name = f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{self._port}/metrics"
        log.info("metrics_served", address=self.address)

    @property
    def _port(self) -> int:
        assert isinstance(self._server, WSGIServer)  # noqa: S101 - so the library says
        return self._server.server_port

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class LoopLag(Collector):
    """Wait of a callback for the event loop, measured by each scrape."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def describe(self) -> list["Metric"]:
        """Return nothing: registering must not measure."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """Yield the seconds until the loop ran a callback of ours."""
        yield GaugeMetricFamily(
            "longtail_event_loop_lag_seconds",
            f"Time until the event loop ran a callback of this scrape; {_LONGEST_LAG:.0f} if it took longer.",
            value=self._measure(),
        )

    def _measure(self) -> float:
        began, ran = time.monotonic(), threading.Event()
        try:
            self._loop.call_soon_threadsafe(ran.set)
        except RuntimeError:  # the loop is closed
            return _LONGEST_LAG
        return time.monotonic() - began if ran.wait(_LONGEST_LAG) else _LONGEST_LAG
