"""Schedules follow the active colour: one made meanwhile, one that is moved, and ends of pauses that wait."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest
from temporalio.client import Client

from src.application.schedules import Schedules
from src.bootstrap import Application
from src.domain.colour import Colour
from src.domain.deployment import Routing
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import ResumeSchedule
from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
from src.infrastructure.temporal.workflows.schedule_resume import ScheduleResumeWorkflow
from tests.eventually import eventually

from .conftest import Batches, RunWorker

DAILY = ScheduleChange.replacing(Schedule(when=When(times=(time(6, 0),)), time_zone="UTC"))


@pytest.fixture
def schedules(application: Application) -> Schedules:
    return application.schedules


@pytest.fixture
async def site(batches: Batches) -> Site:
    return await batches.site()


@pytest.fixture
def other(colour: Colour) -> Colour:
    return Colour(f"{colour}-next")


async def queue_of(client: Client, site: Site) -> str:
    observed = await ScheduleGateway(client).find(site.slug)
    assert observed is not None
    return str(observed.fingerprint["action"]["task_queue"])


async def activate(database: Database, colour: Colour) -> None:
    async with database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=colour), by="test")


async def test_a_schedule_made_while_a_colour_becomes_active_takes_that_one(
    client: Client, database: Database, schedules: Schedules, site: Site, colour: Colour, other: Colour
) -> None:
    await activate(database, colour)
    async with database.unit_of_work(autocommit=False) as uow:
        await uow.routing.lock()
        setting = asyncio.create_task(schedules.set(site.slug, DAILY))
        done, _ = await asyncio.wait({setting}, timeout=0.5)
        assert not done  # it waits for whoever promotes
        await uow.routing.change(Routing(active=other), by="test")
        await uow.commit()
    await setting
    assert await queue_of(client, site) == ids.task_queue(other)
    assert await schedules.list_elsewhere(other) == []
    await schedules.remove(site.slug)


async def test_a_schedule_is_moved_once_and_keeps_its_pause(
    client: Client, database: Database, schedules: Schedules, site: Site, colour: Colour, other: Colour
) -> None:
    await activate(database, colour)
    await schedules.set(site.slug, DAILY)
    await schedules.pause(site.slug, note="relaunch")
    assert await schedules.list_elsewhere(other) == [site.slug]
    assert not await schedules.move(site.slug, other)  # not the active one
    assert await queue_of(client, site) == ids.task_queue(colour)
    await activate(database, other)
    assert await schedules.move(site.slug, other)
    assert await queue_of(client, site) == ids.task_queue(other)
    state = await schedules.get(site.slug)
    assert (state.colour, state.differs) == (other, None)
    assert state.pause is not None
    assert await schedules.list_elsewhere(other) == []
    async with database.unit_of_work() as uow:
        versions = await uow.schedules.list_versions(site.slug)
        assert await schedules.move(site.slug, other)
        assert await uow.schedules.list_versions(site.slug) == versions
    await schedules.remove(site.slug)


async def test_ends_of_pauses_that_wait_on_a_colour_are_moved_and_keep_their_time(
    client: Client,
    database: Database,
    schedules: Schedules,
    site: Site,
    colour: Colour,
    run_worker: RunWorker,
) -> None:
    """As the version before began them; the first of them is of a pause that is over."""
    await schedules.set(site.slug, DAILY)
    until = datetime.now(UTC) + timedelta(seconds=8)
    await schedules.pause(site.slug, note="short", until=until)
    resume = client.get_workflow_handle(ids.schedule_resume(site.slug))
    for slug in (site.slug, f"gone-{colour}"):
        await ScheduleGateway(client).end_resume(slug)
        await client.start_workflow(
            ScheduleResumeWorkflow.run,
            ResumeSchedule(site=slug, due=until),
            id=ids.schedule_resume(slug),
            task_queue=ids.task_queue(colour),
            start_delay=timedelta(days=3),
        )
    moved: list[int] = []

    async def both_are_moved() -> bool:
        moved.append(await schedules.move_resumes())
        return sum(moved) >= 2

    await eventually(both_are_moved)
    assert (await resume.describe()).task_queue == ids.WATCH_QUEUE

    async def is_over() -> bool:
        return (await schedules.get(site.slug)).pause is None

    async with run_worker(watches=True):
        await eventually(is_over)
    await schedules.remove(site.slug)
