"""Servers that go away for minutes while calls are in flight: each call is made once, and none fails."""

from collections.abc import Callable

from tests.engines import Engines
from tests.servers_away import freeze_temporal, restart_temporal, take_postgres_away, world
from tests.story.conftest import Longtail

Record = Callable[[str, object], None]


async def test_temporal_frozen_for_a_minute(engines: Engines, longtail: Longtail, record_property: Record) -> None:
    async with world(engines, longtail) as away:
        went_on = await freeze_temporal(away, calls_take=40, frozen=60)
    record_property("went_on_after_seconds", went_on)


async def test_temporal_away_for_half_a_minute(engines: Engines, longtail: Longtail, record_property: Record) -> None:
    async with world(engines, longtail) as away:
        went_on = await restart_temporal(away, calls_take=20, away=30)
    record_property("went_on_after_seconds", went_on)
    assert went_on < 2


async def test_postgresql_away_for_three_minutes(engines: Engines, longtail: Longtail, record_property: Record) -> None:
    async with world(engines, longtail) as away:
        went_on = await take_postgres_away(away, calls_take=40, away=180)
    record_property("went_on_after_seconds", went_on)
    assert went_on < 2
