"""Schedules on the real server: one writer, nothing lost, and slots made up once each."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest
from temporalio.client import Client, ScheduleUpdate, ScheduleUpdateInput

from src.application.backfills import Backfills
from src.application.schedules import Schedules, list_history
from src.bootstrap import Application
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.errors import InputInvalid, NotFound
from src.domain.scheduling.schedule import Overlap, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
from tests.applications import an_application
from tests.eventually import eventually

from .conftest import Batches, RunWorker

DAILY = Schedule(when=When(times=(time(6, 0),)), time_zone="Europe/Berlin")
TEN_DAYS = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))


@pytest.fixture
async def site(batches: Batches, application: Application) -> AsyncIterator[Site]:
    made = await batches.site(keywords=30, articles_per_batch=1)
    yield made
    gateway = ScheduleGateway(application.client)
    if await gateway.find(made.slug):
        await gateway.delete(made.slug)


@pytest.fixture
def schedules(application: Application) -> Schedules:
    return application.schedules


@pytest.fixture
def backfills(application: Application) -> Backfills:
    return application.backfills


async def test_setting_again_changes_only_what_is_named_and_keeps_the_pause(
    client: Client, schedules: Schedules, site: Site, colour: Colour
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    await schedules.pause(site.slug, note="relaunch")
    written = await schedules.set(site.slug, ScheduleChange(overlap=Overlap.SKIP), colour=colour)
    state = await schedules.get(site.slug)
    assert set(written.differences) == {"overlap"}
    assert state.schedule == DAILY.model_copy(update={"overlap": Overlap.SKIP})
    assert state.pause is not None
    assert (state.pause.note, state.pause.started_by) == ("relaunch", "anna")
    observed = await ScheduleGateway(client).find(site.slug)
    assert observed is not None
    assert (observed.is_paused, observed.note) == (True, "relaunch")


async def test_two_changes_at_once_both_stay(
    client: Client, database: Database, schedules: Schedules, site: Site, colour: Colour
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    other = an_application(client, database, who="bert").schedules
    await asyncio.gather(
        schedules.set(site.slug, ScheduleChange(articles=3), colour=colour),
        other.set(site.slug, ScheduleChange(jitter=timedelta(minutes=5)), colour=colour),
    )
    state = await schedules.get(site.slug)
    assert (state.schedule.articles, state.schedule.jitter) == (3, timedelta(minutes=5))
    async with database.unit_of_work() as uow:
        assert {change.who for change in await uow.audit.list_for("schedule", site.slug)} == {"anna", "bert"}


async def test_what_temporal_cannot_read_changes_nothing(schedules: Schedules, site: Site, colour: Colour) -> None:
    wrong = Schedule(when=When(cron=("0 99 * * *",)), time_zone="UTC")
    with pytest.raises(InputInvalid, match="Hour is not in range"):
        await schedules.set(site.slug, ScheduleChange.replacing(wrong), colour=colour)
    with pytest.raises(NotFound):
        await schedules.get(site.slug)


async def test_a_pause_until_ends_by_itself(
    client: Client, schedules: Schedules, site: Site, colour: Colour, run_worker: RunWorker, database: Database
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    async with run_worker(watches=True):
        await schedules.pause(site.slug, note="short", until=datetime.now(UTC) + timedelta(seconds=2))

        async def is_over() -> bool:
            return (await schedules.get(site.slug)).pause is None

        await eventually(is_over)
    observed = await ScheduleGateway(client).find(site.slug)
    assert observed is not None
    assert not observed.is_paused
    async with database.unit_of_work() as uow:
        (pause,) = await uow.schedules.list_pauses(site.slug)
    assert pause.ended_at is not None
    assert pause.until is not None
    assert pause.ended_at >= pause.until


async def test_drift_is_found_and_repaired(
    client: Client, application: Application, schedules: Schedules, site: Site, colour: Colour
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    drift = application.schedule_drift
    assert await drift.find(site.slug) == []

    def by_hand(current: ScheduleUpdateInput) -> ScheduleUpdate:
        current.description.schedule.policy.catchup_window = timedelta(minutes=1)
        current.description.schedule.state.paused = True
        return ScheduleUpdate(current.description.schedule)

    await client.get_schedule_handle(ids.schedule(site.slug)).update(by_hand)
    found = await drift.find(site.slug)
    assert len(found) == 2
    await drift.repair(found)
    assert await drift.find(site.slug) == []

    await client.get_schedule_handle(ids.schedule(site.slug)).delete()
    (gone,) = await drift.find(site.slug)
    assert "no such schedule" in gone.found
    await drift.repair([gone])
    assert await drift.find(site.slug) == []


async def test_a_trigger_that_temporal_refuses_is_not_recorded(
    client: Client, application: Application, site: Site, colour: Colour
) -> None:
    await application.schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    await client.get_schedule_handle(ids.schedule(site.slug)).delete()
    with pytest.raises(NotFound, match="no schedule in Temporal"):
        await application.schedules.trigger(site.slug)
    assert [
        event.action for event in await list_history(application.database, site.slug, by=application.principal)
    ] == ["set"]


async def test_a_pause_made_in_temporal_can_be_adopted(
    client: Client, application: Application, schedules: Schedules, site: Site, colour: Colour
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    await client.get_schedule_handle(ids.schedule(site.slug)).pause(note="in the UI")
    drift = application.schedule_drift
    assert await drift.adopt(await drift.find(site.slug)) == [site.slug]
    assert await drift.find(site.slug) == []
    state = await schedules.get(site.slug)
    assert state.pause is not None
    assert state.pause.note == "in the UI"


async def test_a_backfill_of_ten_days_of_which_six_are_done_runs_four_and_then_none(
    schedules: Schedules,
    backfills: Backfills,
    batches: Batches,
    site: Site,
    colour: Colour,
    run_worker: RunWorker,
    database: Database,
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    slots = await backfills.list_slots(site.slug, *TEN_DAYS)
    assert len(slots) == 10
    async with run_worker():
        for slot in slots[:6]:
            await (await batches.start(site, slot=slot)).result()
        # Two operators at the same moment.
        plans = await asyncio.gather(*(backfills.plan(site.slug, slots) for _ in range(2)))
        assert [len(plan.to_run) for plan in plans] == [4, 4]
        requests = await asyncio.gather(*(backfills.request(plan, overlap=Overlap.BUFFER_ALL) for plan in plans))
        assert sorted(len(asked.to_run) for _, asked in requests) == [0, 4]
        backfill_id = next(backfill_id for backfill_id, asked in requests if asked.to_run)

        async def all_are_complete() -> bool:
            return {each.status for each in await backfills.progress(backfill_id)} == {BatchStatus.COMPLETED}

        await eventually(all_are_complete)
        assert (await backfills.plan(site.slug, slots)).to_run == ()
    async with database.unit_of_work() as uow:
        made = await uow.batches.list_all(site=site.slug)
    assert len(made) == 10
    assert [batch.trigger for batch in made].count(Trigger.BACKFILL) == 4
    assert all(batch.total == 1 for batch in made)


async def test_a_stopped_backfill_begins_nothing_more_and_can_be_asked_for_again(
    schedules: Schedules,
    backfills: Backfills,
    site: Site,
    colour: Colour,
    run_worker: RunWorker,
    database: Database,
) -> None:
    await schedules.set(site.slug, ScheduleChange.replacing(DAILY), colour=colour)
    slots = (await backfills.list_slots(site.slug, *TEN_DAYS))[:3]
    await backfills.request(await backfills.plan(site.slug, slots), overlap=Overlap.BUFFER_ALL)
    assert await backfills.stop(site.slug) == slots
    async with run_worker():

        async def nothing_is_left() -> bool:
            state = await schedules.get(site.slug)
            return state.running == 0 and state.buffered == 0

        await eventually(nothing_is_left)
    async with database.unit_of_work() as uow:
        assert await uow.batches.list_all(site=site.slug) == []
    assert len((await backfills.plan(site.slug, slots)).to_run) == 3
