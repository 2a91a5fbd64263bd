"""Whatever ends a batch's workflow, its batch is closed: nothing stays running or claimed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.longtail import LongtailStatus
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal.activities.batches import BatchActivities
from src.infrastructure.temporal.activities.stages import StageActivities
from src.infrastructure.temporal.messages import OpenBatch, OpenedBatch, OpenedShard, Shard, WriteArticle
from src.infrastructure.temporal.workflows.article import ArticleWorkflow
from tests.eventually import eventually
from tests.factories import a_site, longtails, open_batch

from .conftest import Batches, BatchHandle, RunWorker, reported
from .test_batch import articles_of, calls_of

_STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_CANCEL_REQUESTED = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED


async def ready(database: Database, site: Site) -> int:
    """Return how many keywords are ready, when none is claimed."""
    async with database.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status(site.slug)
    assert counts[LongtailStatus.CLAIMED] == 0
    return counts[LongtailStatus.READY]


async def test_an_error_that_nobody_expected_closes_the_batch(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    @activity.defn(name="open_shard")
    async def garbled(self: BatchActivities, shard: Shard) -> Any:
        return {"articles": "none of the kind"}

    monkeypatch.setattr(BatchActivities, "open_shard", garbled)
    site = await batches.site(keywords=3)
    async with run_worker():
        with pytest.raises(WorkflowFailureError) as error:
            await (await batches.start(site)).result()
    assert isinstance(error.value.cause, ApplicationError)
    batch = await batches.of(site)
    assert (batch.status, batch.under_way, batch.cancelled) == (BatchStatus.FAILED, 0, 3)
    assert batch.error_type == error.value.cause.type
    assert await ready(database, site) == 3


async def test_an_article_that_is_cancelled_before_its_first_task_is_recorded_as_cancelled(
    client: Client, database: Database, run_worker: RunWorker, colour: Colour
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        (ref,) = await uow.articles.list_unfinished(batch_id, first=0, end=1)
    handle = await client.start_workflow(
        ArticleWorkflow.run, ref, id=ids.article(ref.article_id), task_queue=ids.task_queue(colour)
    )
    await handle.cancel()
    async with run_worker():
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    (article,) = await articles_of(database, "hardware-shop")
    assert article.status is ArticleStatus.CANCELLED


async def test_an_article_whose_workflow_has_a_defect_is_recorded_as_failed(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    @activity.defn(name="write_article")
    async def garbled(self: StageActivities, request: WriteArticle) -> Any:
        return "no draft"

    monkeypatch.setattr(StageActivities, "write_article", garbled)
    site = await batches.site(keywords=1)
    async with run_worker():
        with pytest.raises(WorkflowFailureError):
            await (await batches.start(site)).result()
    (article,) = await articles_of(database, site.slug)
    assert article.status is ArticleStatus.FAILED
    assert article.failure is not None
    assert (article.failure.stage, article.failure.error_type) == (Stage.SEO_METADATA, "AttributeError")


async def test_a_batch_that_is_cancelled_while_it_opens_is_closed(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = BatchActivities.open_batch
    opened, may_answer = asyncio.Event(), asyncio.Event()

    @wraps(ordinary)
    async def slow(self: BatchActivities, request: OpenBatch) -> OpenedBatch:
        batch = await ordinary(self, request)
        opened.set()
        await may_answer.wait()
        return batch

    monkeypatch.setattr(BatchActivities, "open_batch", slow)
    site = await batches.site(keywords=3)
    async with run_worker():
        handle = await batches.start(site)
        await opened.wait()
        await handle.cancel()
        await eventually(lambda: has_heard_of_cancellation(handle))
        may_answer.set()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    batch = await batches.of(site)
    assert (batch.status, batch.cancelled, batch.under_way) == (BatchStatus.CANCELLED, 3, 0)
    assert await ready(database, site) == 3


async def has_heard_of_cancellation(handle: BatchHandle) -> bool:
    """Return whether the worker has got a task with the request."""
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    if (asked := EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED) not in kinds:
        return False
    return EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED in kinds[kinds.index(asked) :]


async def test_the_articles_of_a_shard_that_fails_are_made_by_the_batch(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 3)
    ordinary = BatchActivities.open_shard

    @wraps(ordinary)
    async def broken(self: BatchActivities, shard: Shard) -> OpenedShard:
        if (activity.info().workflow_id or "").endswith("/articles-0"):
            raise ApplicationError("a defect of this shard", non_retryable=True)
        return await ordinary(self, shard)

    monkeypatch.setattr(BatchActivities, "open_shard", broken)
    site = await batches.site(keywords=6)
    async with run_worker():
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 6)
    assert await ready(database, site) == 0


@pytest.mark.parametrize("stop", [WorkflowHandle.cancel, WorkflowHandle.terminate])
async def test_an_article_that_a_person_stops_ends_cancelled_and_its_batch_goes_on(
    stop: Callable[[WorkflowHandle[Any, Any]], Awaitable[None]],
    batches: Batches,
    client: Client,
    database: Database,
    run_worker: RunWorker,
) -> None:
    site = await batches.site(keywords=2)

    async def both_are_under_way() -> bool:
        return [a.status for a in await articles_of(database, site.slug)] == [ArticleStatus.GENERATING] * 2

    async with run_worker(latency=0.5, model_slots=2):
        handle = await batches.start(site)
        await eventually(both_are_under_way)
        first, second = await articles_of(database, site.slug)
        await stop(client.get_workflow_handle(ids.article(first.id)))
        report = await reported(handle)
    assert (report.status, report.needs_review, report.cancelled) == (BatchStatus.PARTLY_FAILED, 1, 1)
    assert await ready(database, site) == 1
    assert len(await calls_of(database, second)) == len(STAGES)


async def test_a_call_whose_worker_dies_as_it_is_cancelled_ends_cancelled(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker
) -> None:
    """Temporal retries no activity that is being cancelled, so the death of its worker reaches the workflow."""
    site = await batches.site(keywords=1)

    async def states() -> list[PendingActivityState.ValueType]:
        [article] = await articles_of(database, site.slug)
        described = await client.get_workflow_handle(ids.article(article.id)).describe()
        return [pending.state for pending in described.raw_description.pending_activities]

    async def is_under_way() -> bool:
        [article] = await articles_of(database, site.slug)
        return article.status is ArticleStatus.GENERATING and await states() == [_STARTED]

    async def is_being_cancelled() -> bool:
        return await states() == [_CANCEL_REQUESTED]

    async with run_worker(latency=30, shutdown_grace=timedelta(0)):
        handle = await batches.start(site)
        await eventually(lambda: has_articles(database, site))
        await eventually(is_under_way)
        await handle.cancel()
        await eventually(is_being_cancelled)
        [article] = await articles_of(database, site.slug)
        call = client.get_async_activity_handle(
            workflow_id=ids.article(article.id), run_id=None, activity_id=Stage.KEYWORD_ANALYSIS
        )
        await call.fail(ApplicationError("worker died", type="WorkerDied"))  # before it heard by its heartbeat
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    [article] = await articles_of(database, site.slug)
    assert (article.status, article.failure) == (ArticleStatus.CANCELLED, None)
    assert await ready(database, site) == 1


async def has_articles(database: Database, site: Site) -> bool:
    return bool(await articles_of(database, site.slug))
