"""Servers go away while calls are in flight: nothing is bought twice, nothing fails, and work goes on at once.

The timeouts of activities are the true ones, so the freeze is longer than the heartbeat interval and shorter than the
timeout; tests/long/test_outages.py takes the true times.
"""

from tests.engines import Engines
from tests.servers_away import freeze_temporal, restart_temporal, take_postgres_away, world

from .conftest import Longtail

_AT_ONCE = 8  # seconds on a busy machine; back-offs alone took 12 to 16. tests/long holds to 2


async def test_a_silent_temporal_has_nothing_bought_twice(engines: Engines, longtail: Longtail) -> None:
    async with world(engines, longtail) as away:
        went_on = await freeze_temporal(away, calls_take=5, frozen=11)
    assert went_on < _AT_ONCE


async def test_a_database_that_is_away_fails_nothing(engines: Engines, longtail: Longtail) -> None:
    async with world(engines, longtail) as away:
        went_on = await take_postgres_away(away, calls_take=6, away=12)
    assert went_on < _AT_ONCE


async def test_a_temporal_that_was_restarted_is_met_at_once(engines: Engines, longtail: Longtail) -> None:
    """Longer away than the library insists on telling results, and than its pollers' first pauses."""
    async with world(engines, longtail) as away:
        went_on = await restart_temporal(away, calls_take=4, away=12)
    assert went_on < _AT_ONCE
