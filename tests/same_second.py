"""Many sites on the same second, for the test of every change and the long one of a hundred."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from src.domain.colour import Colour
from src.domain.scheduling.schedule import Interval, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from tests.applications import an_application
from tests.eventually import eventually
from tests.factories import a_site

RunWorker = Callable[..., AbstractAsyncContextManager[None]]


async def every_site_runs_once(
    client: Client, database: Database, colour: Colour, run_worker: RunWorker, *, sites: int, set_up_seconds: int
) -> float:
    """Return how many seconds after the tick the last batch opened. All schedules have to be set before the tick."""
    schedules = an_application(client, database).schedules
    tick = (datetime.now(UTC) + timedelta(seconds=set_up_seconds)).replace(microsecond=0)
    once = Schedule(
        when=When(interval=Interval(every=timedelta(seconds=1))), time_zone="UTC", starts_at=tick, ends_at=tick
    )
    slugs = [f"{colour}-{number}" for number in range(sites)]
    async with database.unit_of_work() as uow:
        for slug in slugs:
            await uow.sites.upsert(a_site(slug=slug))
    await asyncio.gather(*(schedules.set(slug, ScheduleChange.replacing(once), colour=colour) for slug in slugs))

    async def every_site_ran() -> bool:
        async with database.unit_of_work() as uow:
            found = await uow.batches.list_all(limit=10 * sites)
        return len([batch for batch in found if batch.site in slugs]) >= sites

    async with run_worker():
        await eventually(every_site_ran, within=set_up_seconds + 120)
        states = await asyncio.gather(*(schedules.get(slug) for slug in slugs))
    async with database.unit_of_work() as uow:
        made = await uow.batches.list_all(limit=10 * sites)
    assert Counter(batch.site for batch in made) == dict.fromkeys(slugs, 1)
    assert {batch.slot for batch in made} == {tick}
    assert {state.recent_runs for state in states} == {(tick,)}
    latest = max(batch.opened_at for batch in made)
    return (latest - tick).total_seconds()
