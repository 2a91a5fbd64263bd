"""The watchdog on the real server: what it warns of before the time, and what it leaves alone."""

from datetime import UTC, datetime, time, timedelta

import pytest
from temporalio.client import Client, ScheduleUpdate, ScheduleUpdateInput
from temporalio.service import RPCError

from src.bootstrap import Application
from src.domain.colour import Colour
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import watchdog_schedule as watchdog
from src.infrastructure.temporal.activities.watchdog import WatchdogActivities
from src.infrastructure.temporal.schedule_times import ScheduleTimes
from tests.applications import an_application, nobody_is_gone
from tests.eventually import eventually
from tests.factories import a_site

DAILY = Schedule(when=When(times=(time(6, 0),)), time_zone="Europe/Berlin")


@pytest.fixture
def look(application: Application) -> WatchdogActivities:
    return WatchdogActivities(application.watchdog(is_gone=nobody_is_gone))


async def a_schedule(client: Client, database: Database, colour: Colour, name: str) -> str:
    slug = f"{name}-{colour}"
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug))
    await an_application(client, database).schedules.set(slug, ScheduleChange.replacing(DAILY), colour=colour)
    return slug


async def test_a_schedule_that_will_not_start_its_next_slot_is_reported_before_it(
    client: Client, database: Database, colour: Colour, look: WatchdogActivities
) -> None:
    names = ("missing", "paused", "ended", "ordered", "well")
    missing, paused, ended, ordered, well = sites = [await a_schedule(client, database, colour, n) for n in names]
    await client.get_schedule_handle(ids.schedule(missing)).delete()
    await client.get_schedule_handle(ids.schedule(paused)).pause(note="in the UI")
    await client.get_schedule_handle(ids.schedule(ended)).update(_ended)
    await an_application(client, database).schedules.pause(ordered, note="relaunch")

    raised: list[int] = []

    async def all_are_said() -> bool:
        raised.append(await look.look())  # Temporal's lists lag behind a little
        return sum(raised) >= 3

    await eventually(all_are_said, within=20)
    assert await look.look() == 0  # each is said once
    async with database.unit_of_work() as uow:
        alerts = {site: await uow.alerts.list_of_slots(site) for site in sites}
    assert {site: [alert.reason for alert in found] for site, found in alerts.items()} == {
        missing: ["schedule_missing"],
        paused: ["schedule_paused"],
        ended: ["no_next_run"],
        ordered: [],
        well: [],
    }
    (next_slot,) = await ScheduleTimes(client).list_next(DAILY, datetime.now(UTC), 1)
    assert {alert.slot for found in alerts.values() for alert in found} == {next_slot}
    assert "in the UI" in alerts[paused][0].message
    for site in (paused, ended, ordered, well):
        await client.get_schedule_handle(ids.schedule(site)).delete()


def _ended(current: ScheduleUpdateInput) -> ScheduleUpdate:
    schedule = current.description.schedule
    schedule.spec.end_at = datetime.now(UTC) - timedelta(days=1)
    return ScheduleUpdate(schedule)


async def test_every_worker_may_make_sure_of_the_watchdog(client: Client, colour: Colour) -> None:
    assert await watchdog.ensure(client, queue=colour)
    handle = client.get_schedule_handle(watchdog.SCHEDULE_ID)
    await handle.pause(note="by an operator")
    assert await watchdog.ensure(client, queue=f"{colour}-next")
    described = await handle.describe()
    assert described.schedule.state.paused
    assert described.raw_description.schedule.action.start_workflow.task_queue.name == f"{colour}-next"
    await handle.delete()
    with pytest.raises(RPCError):
        await handle.describe()
