"""Rows are read once for all who ask within a quarter of a minute."""

import asyncio
from datetime import timedelta

from prometheus_client import CollectorRegistry

from src.domain.alert import AlertKind
from src.domain.colour import BLUE
from src.infrastructure.database.backlog import Backlog
from src.infrastructure.telemetry.backlog_metrics import BacklogMetrics

BACKLOG = Backlog(
    queued=3,
    queued_for=timedelta(minutes=2),
    generating=1,
    reviews=5,
    review_for=timedelta(days=2),
    publications=0,
    publication_overdue=timedelta(0),
    batches=1,
    alerts={AlertKind.SLOT_MISSING: 2},
    workers={BLUE: 1},
)


class Rows:
    def __init__(self, *, fails: bool = False) -> None:
        self.reads = 0
        self._fails = fails

    async def read(self) -> Backlog:
        self.reads += 1
        if self._fails:
            raise OSError("the database is away")
        return BACKLOG


def registered(rows: Rows) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(BacklogMetrics(rows.read, asyncio.get_running_loop()))
    return registry


async def test_many_scrapes_are_one_read() -> None:
    rows = Rows()
    registry = registered(rows)
    assert rows.reads == 0  # nobody asked yet
    await asyncio.gather(*(asyncio.to_thread(lambda: list(registry.collect())) for _ in range(8)))
    assert rows.reads == 1

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"longtail_{name}", labels)

    assert await asyncio.to_thread(value, "queue_age_seconds") == 120
    assert await asyncio.to_thread(value, "review_age_seconds") == 172_800
    assert await asyncio.to_thread(value, "gaps") == 2
    assert await asyncio.to_thread(lambda: value("alerts", kind="slot_missing")) == 2
    assert await asyncio.to_thread(lambda: value("alerts", kind="call_lost")) == 0
    assert await asyncio.to_thread(lambda: value("workers", colour="blue")) == 1
    assert rows.reads == 1


async def test_a_database_that_is_away_shows_in_the_age_alone() -> None:
    registry = registered(Rows(fails=True))
    families = await asyncio.to_thread(lambda: list(registry.collect()))
    assert [family.name for family in families] == ["longtail_backlog_age_seconds"]
    assert families[0].samples[0].value == float("inf")
