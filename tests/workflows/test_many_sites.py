"""A hundred sites on the same second: every batch starts, none twice."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from src.application.schedules import Schedules
from src.domain.colour import Colour
from src.domain.scheduling.schedule import Interval, Schedule, When
from src.infrastructure.database.unit_of_work import Database
from tests.eventually import eventually
from tests.factories import a_site

from .conftest import RunWorker

SITES = 100
SET_UP_SECONDS = 40  # within which a hundred schedules are set, so that none misses its tick


async def test_a_hundred_sites_on_the_same_second(
    client: Client,
    database: Database,
    colour: Colour,
    run_worker: RunWorker,
    record_property: Callable[[str, object], None],
) -> None:
    schedules = Schedules(client, database, who="test")
    tick = (datetime.now(UTC) + timedelta(seconds=SET_UP_SECONDS)).replace(microsecond=0)
    once = Schedule(
        when=When(interval=Interval(every=timedelta(seconds=1))), time_zone="UTC", starts_at=tick, ends_at=tick
    )
    slugs = [f"{colour}-{number}" for number in range(SITES)]
    async with database.unit_of_work() as uow:
        for slug in slugs:
            await uow.sites.upsert(a_site(slug=slug))
    await asyncio.gather(*(schedules.set(slug, lambda _: once, colour=colour) for slug in slugs))

    async def every_site_ran() -> bool:
        async with database.unit_of_work() as uow:
            found = await uow.batches.list_all(limit=10 * SITES)
        return len([batch for batch in found if batch.site in slugs]) >= SITES

    async with run_worker():
        await eventually(every_site_ran, within=SET_UP_SECONDS + 120)
        states = await asyncio.gather(*(schedules.get(slug) for slug in slugs))
    async with database.unit_of_work() as uow:
        made = await uow.batches.list_all(limit=10 * SITES)
    assert Counter(batch.site for batch in made) == dict.fromkeys(slugs, 1)
    assert {batch.slot for batch in made} == {tick}
    assert {state.recent_runs for state in states} == {(tick,)}
    latest = max(batch.opened_at for batch in made)
    record_property("last_opened_seconds_after_tick", (latest - tick).total_seconds())
