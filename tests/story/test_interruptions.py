"""A worker process ends half-way through a batch; another goes on, and only calls in flight are ever made again.

The model server is a process too, and counts by itself.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowFailureError

from bench.installation import BatchHandle, reported
from bench.model_server import ModelServer
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import BLUE
from src.domain.site import ModelChoice
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import SiteBatchInput
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from tests.answering import all_have_answered
from tests.eventually import eventually
from tests.factories import a_site, longtails

from .conftest import Longtail, Records, Running

ARTICLES = 8
CALLS = ARTICLES * len(STAGES)
SLOTS = 4
LATENCY_SECONDS = 0.4
MODELS = {stage: ModelChoice(provider="openai", model=f"stage-{stage.lower()}") for stage in STAGES}


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=LATENCY_SECONDS) as server:
        yield server


@pytest.fixture
def worker(longtail: Longtail, models: ModelServer) -> Callable[[], Running]:
    def start() -> Running:
        return longtail.start(
            *("worker", "--colour", BLUE),
            OPENAI_BASE_URL=models.url,
            OPENAI_API_KEY="test",
            LONGTAIL_MODEL_SLOTS=str(SLOTS),
        )

    return start


async def a_batch(database: Database, client: Client, slug: str) -> BatchHandle:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug, models=MODELS))
        await uow.longtails.add(slug, longtails(ARTICLES), source="test")
    slot = datetime.now(UTC).replace(microsecond=0)
    return await client.start_workflow(
        SiteBatchWorkflow.run,
        SiteBatchInput(site=slug, slot=slot, trigger=Trigger.MANUAL),
        id=ids.batch_run(slug, slot),
        task_queue=ids.task_queue(BLUE),
    )


async def half_is_answered(models: ModelServer) -> None:
    """Wait until half of the calls are answered and every slot waits for another one."""

    async def half() -> bool:
        stats = models.stats()
        return stats.answered >= CALLS // 2 and stats.in_flight == SLOTS

    await eventually(half)


async def test_a_killed_worker_loses_no_article_and_only_calls_in_flight_are_made_again(
    database: Database,
    client: Client,
    models: ModelServer,
    worker: Callable[[], Running],
    records: Callable[[str], Records],
) -> None:
    site = records("killed-shop")
    with worker() as first:
        batch = await a_batch(database, client, "killed-shop")
        await half_is_answered(models)
        first.kill()
    open_then = {(keyword, call.stage) for keyword, call in await site.calls() if call.status == CallStatus.OPEN}
    kept_then = {(keyword, output.stage): output for keyword, output in await site.outputs()}
    assert 0 < len(open_then) <= SLOTS

    with worker():
        report = await reported(batch)

    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, ARTICLES)
    outputs = {(keyword, output.stage): output for keyword, output in await site.outputs()}
    assert len(outputs) == CALLS
    assert {key: outputs[key] for key in kept_then} == kept_then

    calls = await site.calls()
    assert {(keyword, call.stage) for keyword, call in calls if call.status == CallStatus.LOST} == open_then
    assert Counter(call.status for _, call in calls) == {
        CallStatus.ANSWERED: CALLS,
        CallStatus.LOST: len(open_then),
    }
    asked = Counter((call.keyword, call.stage) for call in models.calls())
    assert len(asked) == CALLS
    assert {question for question, times in asked.items() if times > 1} <= open_then
    assert asked.total() - CALLS <= len(open_then)


async def test_a_terminated_worker_ends_by_itself_and_nothing_is_bought_twice(
    database: Database,
    client: Client,
    models: ModelServer,
    worker: Callable[[], Running],
    records: Callable[[str], Records],
) -> None:
    with worker() as first:
        batch = await a_batch(database, client, "drained-shop")
        await half_is_answered(models)
        code = await asyncio.to_thread(first.terminate)
    lines = [line for line in first.output.splitlines() if line.startswith("{")]  # Temporal's library has its own
    events = [json.loads(line)["event"] for line in lines]
    assert code == 0
    assert events[-1] == "worker_stopped"
    assert {call.status for _, call in await records("drained-shop").calls()} == {CallStatus.ANSWERED}

    with worker():
        report = await reported(batch)

    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, ARTICLES, CALLS)
    assert len(models.calls()) == CALLS


async def test_a_batch_that_is_cancelled_as_its_worker_dies_ends_as_cancelled(
    database: Database,
    client: Client,
    models: ModelServer,
    worker: Callable[[], Running],
    records: Callable[[str], Records],
) -> None:
    models.reset(latency=60)
    await all_have_answered(database, models.url, MODELS)

    async def all_slots_wait() -> bool:
        return models.stats().in_flight == SLOTS

    async def is_being_cancelled() -> bool:
        articles = await records("cancelled-shop").articles()
        handles = [client.get_workflow_handle(ids.article(each.id)) for each in articles if each.started_at]
        described = [(await handle.describe()).raw_description.pending_activities for handle in handles]
        states = [activity.state for activities in described for activity in activities]
        return states.count(PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED) == SLOTS

    with worker() as first:
        batch = await a_batch(database, client, "cancelled-shop")
        await eventually(all_slots_wait)
        await batch.cancel()
        await eventually(is_being_cancelled)
        first.kill()

    with worker():
        async with asyncio.timeout(30):  # and not the minute after which Temporal gives up a silent worker
            with pytest.raises(WorkflowFailureError):
                await batch.result()

    articles = await records("cancelled-shop").articles()
    assert {article.status for article in articles} == {ArticleStatus.CANCELLED}
    assert {call.status for _, call in await records("cancelled-shop").calls()} == {CallStatus.LOST}
