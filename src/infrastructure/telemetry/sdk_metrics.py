"""Metrics of Temporal's SDK, read from its own endpoint on loopback.

Its library counts and serves them outside Python. The other way, a buffer that Python drains, costs the interpreter
lock for every update, and loses what overflows it.
"""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.request import urlopen

import structlog
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger()

_LOOPBACK = "127.0.0.1"
_PATIENCE = 2.0  # seconds; it answers in milliseconds, whatever Python does


def choose_address() -> str:
    """Return an address on loopback that is free now.

    The library takes no port 0 back, so it has to be named.
    """
    with socket.create_server((_LOOPBACK, 0)) as listening:
        return f"{_LOOPBACK}:{listening.getsockname()[1]}"


class SdkMetrics(Collector):
    """What the SDK's endpoint says at each scrape."""

    def __init__(self, address: str) -> None:
        self._url = f"http://{address}/metrics"

    def describe(self) -> list["Metric"]:
        """Return nothing: registering must not ask."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """Yield the SDK's metrics; none while it does not answer."""
        try:
            with urlopen(self._url, timeout=_PATIENCE) as answer:  # noqa: S310 - our own address
                text = answer.read().decode()
        except OSError as error:
            log.warning("sdk_metrics_unread", error=type(error).__name__)
            return
        yield from text_string_to_metric_families(text)
