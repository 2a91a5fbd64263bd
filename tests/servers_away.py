"""Worker processes whose servers go away while calls are in flight, for the tests of every change and the long ones."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowHistory

from bench.installation import BatchHandle, reported
from bench.model_server import ModelServer
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import BLUE
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import SiteBatchInput
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from tests.answering import all_have_answered
from tests.engines import Engines
from tests.eventually import eventually
from tests.factories import a_site, longtails
from tests.story.conftest import Longtail, Records, Running

ARTICLES = 8
SITE = "away-shop"
_FIRST = STAGES[0]


@dataclass
class World:
    """One site's batch, its worker processes and what they stand on."""

    engines: Engines
    database: Database
    client: Client
    longtail: Longtail
    models: ModelServer

    @asynccontextmanager
    async def workers(self, number: int, **variables: str) -> AsyncIterator[list[Running]]:
        """Run workers; all are registered when the block begins."""

        async def are_registered() -> bool:
            return len(await self.database.run_autocommit(lambda uow: uow.workers.list_unended())) == number

        with ExitStack() as stack:
            running = [stack.enter_context(self.worker(**variables)) for _ in range(number)]
            await eventually(are_registered)
            yield running

    def worker(self, **variables: str) -> Running:
        environment = {
            "DATABASE_URL": self.engines.url.replace("+asyncpg", ""),
            "TEMPORAL_ADDRESS": self.engines.address,
            "OPENAI_BASE_URL": self.models.url,
            "OPENAI_API_KEY": "test",
            "LONGTAIL_MODEL_SLOTS": str(ARTICLES),
        }
        return self.longtail.start("worker", "--colour", BLUE, **environment | variables)

    async def batch_with_calls_in_flight(self, *, seconds: float) -> BatchHandle:
        """Return a batch whose articles all wait for their first answer, which takes so long; later ones take none.

        From now on the model server counts the calls that are made besides.
        """
        await asyncio.to_thread(self.models.reset, latency=seconds)
        await all_have_answered(self.database, self.models.url)
        async with self.database.unit_of_work() as uow:
            await uow.sites.upsert(a_site(slug=SITE))
            await uow.longtails.add(SITE, longtails(ARTICLES), source="test")
        slot = datetime.now(UTC).replace(microsecond=0)
        handle = await self.client.start_workflow(
            SiteBatchWorkflow.run,
            SiteBatchInput(site=SITE, slot=slot, trigger=Trigger.MANUAL),
            id=ids.batch_run(SITE, slot),
            task_queue=ids.task_queue(BLUE),
        )
        await self.models_hold(ARTICLES)
        await asyncio.to_thread(self.models.reset, latency=0)
        return handle

    async def models_hold(self, calls: int) -> None:
        async def holds() -> bool:
            return self.models.stats().in_flight == calls

        await eventually(holds)

    async def nothing_was_bought_twice(self, batch: BatchHandle, workers: list[Running]) -> None:
        """Hold the batch, the model server's count, the ledger and the histories against a day without an outage."""
        report = await reported(batch)
        assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, ARTICLES, 0)
        asked = Counter((call.stage, call.keyword) for call in self.models.calls())
        assert set(asked.values()) == {1}
        assert Counter(stage for stage, _ in asked) == {stage: ARTICLES for stage in STAGES if stage is not _FIRST}
        calls = await Records(self.database, SITE).calls()
        assert Counter(call.status for _, call in calls) == {CallStatus.ANSWERED: ARTICLES * len(STAGES)}
        assert all("worker_taken_over" not in worker.output for worker in workers)
        for article in await Records(self.database, SITE).articles():
            history = await self.client.get_workflow_handle(ids.article(article.id)).fetch_history()
            assert "WorkerDied" not in _reasons_to_try_again(history)

    def went_on_after(self, moment: float) -> float:
        """Return how long after the moment (monotonic) the first call was made."""
        return min(call.begun for call in self.models.calls()) - moment


def _reasons_to_try_again(history: WorkflowHistory) -> set[str]:
    failures = [
        event.activity_task_started_event_attributes.last_failure.application_failure_info.type
        for event in history.events
    ]
    return set(failures) - {""}


@asynccontextmanager
async def world(engines: Engines, longtail: Longtail) -> AsyncIterator[World]:
    """Yield a new database on servers that may go away, and a model server."""
    database = Database(create_engine(engines.url, pool_size=4))
    await schema.upgrade(database.engine)
    try:
        with ModelServer() as models:
            yield World(engines, database, await temporal_client.connect(engines.address), longtail, models)
    finally:
        await database.close()  # PostgreSQL waits for its connections when it stops


async def freeze_temporal(world: World, *, calls_take: float, frozen: float) -> float:
    """Freeze Temporal while every article has a call in flight. Return when work went on, in seconds after the thaw."""
    async with world.workers(1) as workers:
        batch = await world.batch_with_calls_in_flight(seconds=calls_take)
        with world.engines.frozen_temporal():
            await asyncio.sleep(frozen)  # this is what happens here
        thawed = time.monotonic()
        await world.nothing_was_bought_twice(batch, workers)
    return world.went_on_after(thawed)


async def take_postgres_away(world: World, *, calls_take: float, away: float) -> float:
    """Stop PostgreSQL while every article has a call in flight, of two workers. Return as ``freeze_temporal`` does."""
    async with world.workers(2) as workers:
        batch = await world.batch_with_calls_in_flight(seconds=calls_take)
        stopped = time.monotonic()
        await asyncio.to_thread(world.engines.stop, "postgres")
        await asyncio.sleep(stopped + away - time.monotonic())  # this is what happens here
        await asyncio.to_thread(world.engines.start_postgres)
        back = time.monotonic()
        await world.database.close()  # its connections are dead
        await world.nothing_was_bought_twice(batch, workers)
    return world.went_on_after(back)


async def restart_temporal(world: World, *, calls_take: float, away: float) -> float:
    """Stop Temporal while every article has a call in flight. Return as ``freeze_temporal`` does."""
    async with world.workers(1) as workers:
        batch = await world.batch_with_calls_in_flight(seconds=calls_take)
        stopped = time.monotonic()
        await asyncio.to_thread(world.engines.stop, "temporal")
        await asyncio.sleep(stopped + away - time.monotonic())  # this is what happens here
        await asyncio.to_thread(world.engines.start_temporal)
        back = time.monotonic()
        await world.nothing_was_bought_twice(batch, workers)
    return world.went_on_after(back)
