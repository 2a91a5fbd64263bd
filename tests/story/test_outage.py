"""Real outages over real ticks: the right slots are made up, each once, and the gap report is the injected truth."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.client import (
    Client,
    ScheduleCalendarSpec,
    ScheduleHandle,
    ScheduleRange,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.worker import Worker

from src.application.gaps import GapReport
from src.application.publication_watch import PublicationWatch
from src.application.review_watch import ReviewWatch
from src.application.schedules import Schedules
from src.application.slot_watch import SlotWatch
from src.application.unfinished_watch import UnfinishedWatch
from src.application.watchdog import Watchdog
from src.bootstrap import build_worker, worker_identity
from src.domain.batch import Trigger
from src.domain.colour import Colour
from src.domain.principal import Principal
from src.domain.scheduling.schedule import Overlap, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import watchdog_schedule as watchdog
from src.infrastructure.temporal import worker as temporal_worker
from src.infrastructure.temporal.activities.watchdog import WatchdogActivities
from src.infrastructure.temporal.run_history import RunHistory
from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
from src.infrastructure.temporal.schedule_times import ScheduleTimes
from src.infrastructure.temporal.workflow_gateway import WorkflowGateway
from src.infrastructure.temporal.workflows.watchdog import WatchdogWorkflow
from src.settings import Settings
from tests.applications import an_application, nobody_is_gone
from tests.engines import Engines
from tests.eventually import eventually
from tests.factories import a_site, longtails

LOOKS = timedelta(seconds=2)
GRACE = timedelta(seconds=2)
HOUR = timedelta(hours=1)


def ticking(ticks: Sequence[datetime], **changes: Any) -> Schedule:
    """A schedule of just these moments, far closer together than anybody may ask for: Temporal reads seconds too."""
    seconds = ",".join(str(tick.second) for tick in ticks)
    schedule = Schedule(
        when=When(cron=(f"{seconds} * * * * * *",)),
        time_zone="UTC",
        articles=1,
        overlap=Overlap.BUFFER_ALL,
        catch_up=HOUR,
        starts_at=ticks[0],
        ends_at=ticks[-1],
    )
    return schedule.model_copy(update=changes)


def ticks(*after: int) -> list[datetime]:
    """Moments so many seconds after one that leaves time to prepare; all within a minute."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
    return [first + timedelta(seconds=seconds) for seconds in after]


async def until(moment: datetime) -> None:
    """The clock is what schedules run by, so these tests wait for it."""
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


@dataclass
class World:
    """One site a misfortune, and a worker that can be taken away."""

    client: Client
    database: Database
    settings: Settings
    colour: Colour

    @property
    def gaps(self) -> GapReport:
        """The report of a watchdog in a hurry."""
        gateway, times = ScheduleGateway(self.client), ScheduleTimes(self.client)
        return GapReport(
            self.database,
            gateway,
            times,
            RunHistory(self.client),
            by=Principal.owner("test"),
            every=LOOKS,
            grace=GRACE,
        )

    @property
    def schedules(self) -> Schedules:
        return an_application(self.client, self.database).schedules

    def handle(self, site: str) -> ScheduleHandle:
        return self.client.get_schedule_handle(ids.schedule(site))

    async def site(self, name: str, schedule: Schedule) -> str:
        slug = f"{name}-{self.colour}"
        async with self.database.unit_of_work() as uow:
            await uow.sites.upsert(a_site(slug=slug))
            await uow.longtails.add(slug, longtails(8), source="test")
        await self.schedules.set(slug, ScheduleChange.replacing(schedule), colour=self.colour)
        return slug

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """A worker, and beside it the watchdog in a hurry; both go together."""
        queue = f"{self.colour}-watch"
        await watchdog.ensure(self.client, queue=queue, every=LOOKS)
        gateway, times = ScheduleGateway(self.client), ScheduleTimes(self.client)
        slots = SlotWatch(self.database, gateway, times, self.gaps)
        unfinished = UnfinishedWatch(
            self.database, WorkflowGateway(self.client), is_gone=nobody_is_gone, overdue_factor=5
        )
        reviews = ReviewWatch(self.database, WorkflowGateway(self.client))
        publications = PublicationWatch(self.database, WorkflowGateway(self.client))
        activities = WatchdogActivities(Watchdog(self.database, slots, unfinished, reviews, publications))
        async with Providers(self.settings) as providers:
            limits = {"model_slots": 8, "shutdown_grace": timedelta(seconds=20)}
            settings = self.settings.model_copy(update=limits)
            mine = an_application(self.client, self.database, who=worker_identity(self.colour), settings=settings)
            articles = build_worker(mine, providers, colour=self.colour, strict=True)
            looks = Worker(
                self.client,
                task_queue=queue,
                workflows=[WatchdogWorkflow],
                activities=[activities.look],
                workflow_runner=temporal_worker.strict_runner(),
            )
            async with articles, looks:
                yield

    async def report(self, site: str) -> list[SlotReport]:
        return await self.gaps.list_slots(site)

    async def is_exactly(self, site: str, truth: dict[datetime, Outcome]) -> dict[datetime, str]:
        """Hold the report against what was injected, slot by slot; each start came once. Returns the details."""
        reports = await self.report(site)
        assert {report.slot: report.outcome.value for report in reports} == truth
        query = f"TemporalScheduledById = '{ids.schedule(site)}'"
        starts = Counter([run.id async for run in self.client.list_workflows(query)])
        assert set(starts.values()) == {1}
        return {report.slot: report.detail for report in reports}

    async def have_run(self, slots: Sequence[datetime], *sites: str) -> None:
        async def all_of_them() -> bool:
            async with self.database.unit_of_work() as uow:
                ended = [{batch.slot for batch in await uow.batches.list_all(site=s) if batch.closed_at} for s in sites]
            return all(set(slots) <= each for each in ended)

        await eventually(all_of_them)

    async def has_been_watched(self) -> None:
        async def has_looked() -> bool:
            async with self.database.engine.connect() as connection:
                return bool((await connection.execute(text("SELECT count(*) FROM watches"))).scalar())

        await eventually(has_looked)

    async def alerts(self, site: str) -> set[datetime]:
        async with self.database.unit_of_work() as uow:
            return {alert.slot for alert in await uow.alerts.list_of_slots(site)}

    async def remove(self, *sites: str) -> None:
        for site in sites:
            await self.schedules.remove(site)
        await self.client.get_schedule_handle(watchdog.SCHEDULE_ID).delete()


async def test_over_three_ticks_without_a_worker_each_loss_has_its_own_reason(
    client: Client, database: Database, settings: Settings, colour: Colour
) -> None:
    """Five sites, whose worker is down; besides, one is paused, one deleted by hand, and one silent while healthy."""
    world = World(client, database, settings, colour)
    async with world.worker():
        await world.has_been_watched()
    *down, after = planned = ticks(0, 3, 6, 18)
    kept = await world.site("kept", ticking(planned))
    skipped = await world.site("skipped", ticking(planned, overlap=Overlap.SKIP))
    paused = await world.site("paused", ticking(planned))
    deleted = await world.site("deleted", ticking(planned))
    silent = await world.site("silent", ticking(planned))
    sites = (kept, skipped, paused, deleted, silent)
    wanted = await world.handle(silent).describe()
    await world.schedules.pause(paused, note="relaunch")
    await world.handle(deleted).delete()
    await world.handle(silent).update(_at_another_time)
    assert datetime.now(UTC) < down[0], "too slow to break things"

    await until(down[-1] + timedelta(seconds=1))
    waiting = {report.slot: report for report in await world.report(kept)}
    assert waiting[down[0]].outcome is Outcome.RUNNING
    assert waiting[down[0]].detail.endswith("waits for a worker or the database")
    assert waiting[down[1]].outcome is Outcome.DUE
    described = await world.handle(silent).describe()
    assert described.info.next_action_times  # Temporal calls it healthy
    assert not described.schedule.state.paused
    await world.schedules.resume(paused, note="done")
    await world.schedules.rewrite(deleted)
    await world.handle(silent).update(lambda _: ScheduleUpdate(wanted.schedule))
    async with world.worker():
        await world.have_run([after], *sites)
        await world.have_run(down, kept)

        async def are_noticed() -> bool:
            return set(down) <= await world.alerts(silent) & await world.alerts(deleted)

        await eventually(are_noticed)
        await until(after + GRACE)

    ran = dict.fromkeys(planned, Outcome.RAN)
    await world.is_exactly(kept, ran)
    await world.is_exactly(skipped, ran | dict.fromkeys(down[1:], Outcome.SKIPPED_OVERLAP))
    details = await world.is_exactly(paused, ran | dict.fromkeys(down, Outcome.PAUSED))
    assert {details[slot] for slot in down} == {"by anna: relaunch"}
    details = await world.is_exactly(deleted, ran | dict.fromkeys(down, Outcome.NOT_STARTED))
    assert all("deleted by hand" in details[slot] for slot in down)
    details = await world.is_exactly(silent, ran | dict.fromkeys(down, Outcome.NOT_STARTED))
    assert all("Temporal never started it" in details[slot] for slot in down)
    noticed = {site: await world.alerts(site) & set(down) for site in (paused, deleted, silent)}
    assert noticed == {paused: set(), deleted: set(down), silent: set(down)}
    await world.remove(*sites)


def _at_another_time(current: ScheduleUpdateInput) -> ScheduleUpdate:
    schedule = current.description.schedule
    schedule.spec.start_at = schedule.spec.end_at = None
    schedule.spec.cron_expressions = []
    schedule.spec.calendars = [ScheduleCalendarSpec(month=[ScheduleRange(1)], day_of_month=[ScheduleRange(1)])]
    return ScheduleUpdate(schedule)


async def test_a_server_that_was_down_makes_up_what_its_window_allows(
    engines: Engines, settings: Settings, colour: Colour
) -> None:
    """The server is down over three ticks, for one site within its catch-up window, for one beyond.

    The window of the second site is 10 s, Temporal's shortest. When the server is back, a second after the third tick,
    the first two are out of it and the third is not.
    """
    async with _world(engines, settings, colour) as world, world.worker():
        await world.has_been_watched()
        down = ticks(0, 2, 14)
        within = await world.site("within", ticking(down))
        beyond = await world.site("beyond", ticking(down, catch_up=timedelta(seconds=10)))
        await asyncio.to_thread(engines.stop, "temporal")
        assert datetime.now(UTC) < down[0], "too slow to stop Temporal"
        await until(down[-1] + timedelta(seconds=1))
        assert await asyncio.to_thread(engines.start_temporal) == engines.address
        await world.have_run([down[-1]], within, beyond)
        await until(down[-1] + GRACE)
        ran = dict.fromkeys(down, Outcome.RAN)
        await world.is_exactly(within, ran)
        details = await world.is_exactly(beyond, ran | dict.fromkeys(down[:2], Outcome.OUTSIDE_CATCH_UP))
        assert all("nothing was seen of Temporal" in details[slot] for slot in down[:2])
        assert await _triggers(world) == {Trigger.SCHEDULE}
        await world.remove(within, beyond)


async def test_a_database_that_was_down_over_a_tick_misses_nothing(
    engines: Engines, settings: Settings, colour: Colour
) -> None:
    async with _world(engines, settings, colour) as world, world.worker():
        await world.has_been_watched()
        (dark,) = ticks(0)
        site = await world.site("dark", ticking([dark]))
        await asyncio.to_thread(engines.stop, "postgres")
        assert datetime.now(UTC) < dark, "too slow to stop PostgreSQL"
        await until(dark + timedelta(seconds=1))
        assert await asyncio.to_thread(engines.start_postgres) == engines.url
        await world.have_run([dark], site)
        await until(dark + GRACE)
        await world.is_exactly(site, {dark: Outcome.RAN})
        assert await _triggers(world) == {Trigger.SCHEDULE}
        await world.remove(site)


@asynccontextmanager
async def _world(engines: Engines, settings: Settings, colour: Colour) -> AsyncIterator[World]:
    database = Database(create_engine(engines.url, pool_size=8))
    await schema.upgrade(database.engine)
    yield World(await temporal_client.connect(engines.address), database, settings, colour)
    await database.close()


async def _triggers(world: World) -> set[Trigger]:
    async with world.database.unit_of_work() as uow:
        return {batch.trigger for batch in await uow.batches.list_all(limit=500)}
