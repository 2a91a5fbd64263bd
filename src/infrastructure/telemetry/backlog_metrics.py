"""Shows what waits, read from rows by processes that serve the API.

A scrape reads at most every quarter of a minute, however many ask, and waits a second for it; what is shown meanwhile
is the value before, with its age beside it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from src.domain.alert import AlertKind
from src.infrastructure.database.backlog import Backlog

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

log = structlog.get_logger()

_FRESH_SECONDS = 15.0
_PATIENCE = 1.0
Read = Callable[[], Awaitable[Backlog]]


class BacklogMetrics(Collector):
    """The backlog, as it was read last."""

    def __init__(self, read: Read, loop: asyncio.AbstractEventLoop) -> None:
        self._read = read
        self._loop = loop
        self._known: Backlog | None = None
        self._read_at: float | None = None
        self._reading: asyncio.Future[None] | None = None

    def describe(self) -> list["Metric"]:
        """Return nothing: registering reads nothing."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """Yield the backlog and its age.

        Before it is read the first time there is only the age, which is infinite.
        """
        if self._age() > _FRESH_SECONDS:
            self._renew()
        yield _gauge("backlog_age_seconds", "Age of the figures that are read from rows.", self._age())
        if self._known is not None:
            yield from _families(self._known)

    def _age(self) -> float:
        return float("inf") if self._read_at is None else time.monotonic() - self._read_at

    def _renew(self) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._shared(), self._loop).result(_PATIENCE)
        except TimeoutError:
            log.warning("backlog_not_read", error="no answer yet")

    async def _shared(self) -> None:
        """Wait for the reading under way, or begin one.

        Several may scrape at once.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._refresh())
        await asyncio.shield(self._reading)

    async def _refresh(self) -> None:
        try:
            self._known = await self._read()
        except Exception as error:  # noqa: BLE001 - the database is away, or slow: the age says so
            log.warning("backlog_not_read", error=type(error).__name__)
            return
        self._read_at = time.monotonic()


def _families(known: Backlog) -> Iterator["Metric"]:
    yield _gauge("articles_queued", "Articles whose first stage has not begun.", known.queued)
    yield _gauge("queue_age_seconds", "How long the oldest of them has been queued.", _seconds(known.queued_for))
    yield _gauge("articles_generating", "Articles between their first stage and their end.", known.generating)
    yield _gauge("reviews_waiting", "Texts that await a decision and are not put off.", known.reviews)
    yield _gauge("review_age_seconds", "How long the oldest of them has waited.", _seconds(known.review_for))
    yield _gauge("publications_open", "Publications that are scheduled or under way.", known.publications)
    overdue = _seconds(known.publication_overdue)
    yield _gauge("publication_overdue_seconds", "How long the oldest of them has been due.", overdue)
    yield _gauge("batches_running", "Batches that run.", known.batches)
    gaps = known.alerts.get(AlertKind.SLOT_MISSING, 0)
    yield _gauge("gaps", "Expected slots without a batch, that the watchdog found and nobody has closed.", gaps)
    yield _by("alerts", "Open alerts, by kind.", "kind", {kind.value: known.alerts.get(kind, 0) for kind in AlertKind})
    yield _by(
        "workers",
        "Workers that were seen within the last minute, by colour.",
        "colour",
        {str(colour): count for colour, count in known.workers.items()},
    )


def _gauge(name: str, meaning: str, value: float) -> "Metric":
    return GaugeMetricFamily(f"longtail_{name}", meaning, value=value)


def _by(name: str, meaning: str, label: str, values: dict[str, int]) -> "Metric":
    family = GaugeMetricFamily(f"longtail_{name}", meaning, labels=[label])
    for each, value in values.items():
        family.add_metric([each], value)
    return family


def _seconds(duration: timedelta) -> float:
    return max(duration.total_seconds(), 0.0)
