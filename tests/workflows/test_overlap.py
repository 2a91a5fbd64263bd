"""Six overlap policies on the real server: two ticks of which the second comes too early, a backfill, a trigger."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.scheduling.schedule import Interval, Overlap, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from tests.applications import an_application
from tests.eventually import eventually
from tests.factories import a_site, longtails

from .conftest import RunWorker

C, X, R = BatchStatus.COMPLETED, BatchStatus.CANCELLED, BatchStatus.RUNNING

EVERY = timedelta(seconds=4)
LATENCY_SECONDS = 1.5  # four stages: a run takes six seconds, longer than the time between two ticks
SET_UP_SECONDS = 10  # within which all schedules are set, so that none misses the first tick
FIRST_BACKFILLED = datetime(2026, 11, 1, tzinfo=UTC)

# What each slot's batch came to; a terminated run leaves its batch as it was.
TICKS = {
    Overlap.SKIP: [C],
    Overlap.BUFFER_ONE: [C, C],
    Overlap.BUFFER_ALL: [C, C],
    Overlap.CANCEL_OTHER: [X, C],
    Overlap.TERMINATE_OTHER: [R, C],
    Overlap.ALLOW_ALL: [C, C],
}
BACKFILLED = {  # by how many of five slots in a row
    Overlap.SKIP: [0],
    Overlap.BUFFER_ONE: [0, 1],
    Overlap.BUFFER_ALL: [0, 1, 2, 3, 4],
    Overlap.CANCEL_OTHER: [4],
    Overlap.TERMINATE_OTHER: [4],
    Overlap.ALLOW_ALL: [0, 1, 2, 3, 4],
}


class Runs:
    """The sites of one test, a policy each, and what came of their slots."""

    def __init__(self, client: Client, database: Database, colour: Colour) -> None:
        self.client = client
        self.database = database
        self.colour = colour
        self.application = an_application(client, database)
        self.schedules = self.application.schedules

    async def set(self, overlap: Overlap, *, first: datetime, ticks: int) -> str:
        slug = f"{self.colour}-{overlap.replace('_', '-')}"
        async with self.database.unit_of_work() as uow:
            await uow.sites.upsert(a_site(slug=slug, articles_per_batch=1))
            await uow.longtails.add(slug, longtails(8), source="test")
        schedule = Schedule(
            when=When(interval=Interval(every=EVERY)),
            time_zone="UTC",
            starts_at=first,
            ends_at=first + (ticks - 1) * EVERY,
            overlap=overlap,
        )
        await self.schedules.set(slug, ScheduleChange.replacing(schedule), colour=self.colour)
        return slug

    async def of(self, slug: str) -> list[Batch]:
        async with self.database.unit_of_work() as uow:
            return sorted(await uow.batches.list_all(site=slug), key=lambda batch: batch.slot)

    async def until_idle(self, slug: str, *, runs: int) -> list[Batch]:
        async def is_idle() -> bool:
            batches = await self.of(slug)
            return len(batches) >= runs and not any([await self.is_running(batch) for batch in batches])

        await eventually(is_idle)
        return await self.of(slug)

    async def is_running(self, batch: Batch) -> bool:
        described = await self.client.get_workflow_handle(batch.workflow_id).describe()
        return described.status is WorkflowExecutionStatus.RUNNING


@pytest.fixture
def runs(client: Client, database: Database, colour: Colour) -> Runs:
    return Runs(client, database, colour)


def overlapped(batches: list[Batch]) -> bool:
    """Whether a later batch opened before an earlier one closed."""
    return any(a.closed_at and b.opened_at < a.closed_at for a, b in pairwise(batches))


async def every_policy(check: Callable[[Overlap], Awaitable[None]]) -> None:
    await asyncio.gather(*(check(overlap) for overlap in Overlap))


async def test_a_tick_while_the_last_run_is_under_way(runs: Runs, run_worker: RunWorker) -> None:
    now = datetime.now(UTC).timestamp() + SET_UP_SECONDS
    first = datetime.fromtimestamp(now - now % EVERY.total_seconds() + EVERY.total_seconds(), UTC)

    async def check(overlap: Overlap) -> None:
        slug = await runs.set(overlap, first=first, ticks=2)
        ended = await runs.until_idle(slug, runs=len(TICKS[overlap]))
        assert [batch.status for batch in ended] == TICKS[overlap], overlap
        assert [batch.slot for batch in ended] == [first, first + EVERY][: len(ended)]
        assert overlapped(ended) is (overlap is Overlap.ALLOW_ALL), overlap
        state = await runs.schedules.get(slug)
        assert state.skipped_overlap == (1 if overlap is Overlap.SKIP else 0)

    async with run_worker(latency=LATENCY_SECONDS, model_slots=16):
        await every_policy(check)


async def test_a_backfill_of_five_slots(runs: Runs, run_worker: RunWorker) -> None:
    slots = [FIRST_BACKFILLED + tick * EVERY for tick in range(5)]
    backfills = runs.application.backfills

    async def check(overlap: Overlap) -> None:
        slug = await runs.set(overlap, first=FIRST_BACKFILLED, ticks=5)
        found = await backfills.list_slots(slug, slots[0], slots[-1] + EVERY)
        assert found == slots
        _, asked = await backfills.request(await backfills.plan(slug, found), overlap=overlap)
        assert len(asked.to_run) == 5
        wanted = [slots[index] for index in BACKFILLED[overlap]]

        async def the_last_is_complete() -> bool:
            return [b.slot for b in await runs.of(slug) if b.status is C][-1:] == wanted[-1:]

        await eventually(the_last_is_complete)
        ended = await runs.until_idle(slug, runs=len(wanted))
        assert [batch.slot for batch in ended if batch.status is C] == wanted, overlap
        assert {batch.trigger for batch in ended} == {Trigger.BACKFILL}
        if len(wanted) > 1:
            assert overlapped(ended) is (overlap is Overlap.ALLOW_ALL), overlap

    async with run_worker(latency=0.05, model_slots=16):
        await every_policy(check)


async def test_a_trigger_while_paused_runs_once(runs: Runs, run_worker: RunWorker) -> None:
    async def check(overlap: Overlap) -> None:
        slug = await runs.set(overlap, first=datetime.now(UTC) + timedelta(days=1), ticks=1)
        await runs.schedules.pause(slug, note="paused")
        await runs.schedules.trigger(slug, overlap=overlap)
        (batch,) = await runs.until_idle(slug, runs=1)
        assert batch.status is C
        assert batch.workflow_id == ids.batch_run(slug, batch.slot)
        state = await runs.schedules.get(slug)
        assert state.pause is not None

    async with run_worker(model_slots=16):
        await every_policy(check)
