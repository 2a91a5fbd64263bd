"""A slot that is started again joins the articles that still run: they are counted, and none is made twice."""

import pytest
from temporalio.client import Client, WorkflowFailureError

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.site import Site
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from tests.eventually import eventually

from .conftest import Batches, BatchHandle, RunWorker, reported
from .test_batch import articles_of, calls_of
from .test_batch_ends import ready


async def start_and_terminate(batches: Batches, database: Database, site: Site, *, articles: int) -> BatchHandle:
    """Terminate the batch as soon as so many articles are under way, and start its slot again."""

    async def are_under_way() -> bool:
        statuses = [article.status for article in await articles_of(database, site.slug)]
        return statuses.count(ArticleStatus.GENERATING) == articles

    handle = await batches.start(site)
    await eventually(are_under_way)
    await handle.terminate()
    return await batches.start(site)


async def count_calls(database: Database, site: Site) -> int:
    return sum([len(await calls_of(database, article)) for article in await articles_of(database, site.slug)])


async def test_a_slot_that_is_started_again_waits_for_the_articles_that_run_on(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=4)
    async with run_worker(latency=0.7, model_slots=2):
        report = await reported(await start_and_terminate(batches, database, site, articles=2))
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, 4 * len(STAGES))
    assert len(await articles_of(database, site.slug)) == 4
    assert await ready(database, site) == 0


async def test_what_the_shards_of_a_terminated_batch_cancel_is_made_by_the_slot_that_is_started_again(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 2)
    site = await batches.site(keywords=4)
    async with run_worker(latency=0.7, model_slots=4):
        report = await reported(await start_and_terminate(batches, database, site, articles=4))
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 4)
    assert len(await articles_of(database, site.slug)) == 4
    assert await ready(database, site) == 0


async def test_a_joined_article_whose_workflow_is_lost_is_made_by_the_batch(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=1)
    async with run_worker(latency=3, model_slots=1):
        handle = await start_and_terminate(batches, database, site, articles=1)
        (article,) = await articles_of(database, site.slug)
        await eventually(lambda: has_tried_to_start(handle))
        await client.get_workflow_handle(ids.article(article.id)).terminate()
        report = await reported(handle)
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 1)


async def has_tried_to_start(handle: BatchHandle) -> bool:
    kinds = {event.WhichOneof("attributes") for event in (await handle.fetch_history()).events}
    return "start_child_workflow_execution_failed_event_attributes" in kinds


async def test_a_cancelled_batch_cancels_the_articles_that_it_joined(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(latency=600, model_slots=2):
        handle = await start_and_terminate(batches, database, site, articles=2)
        await eventually(lambda: has_tried_to_start(handle))
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        for article in await articles_of(database, site.slug):
            with pytest.raises(WorkflowFailureError):
                await client.get_workflow_handle(ids.article(article.id)).result()
    batch = await batches.of(site)
    assert (batch.status, batch.cancelled, batch.under_way) == (BatchStatus.CANCELLED, 2, 0)
    assert await ready(database, site) == 2
    assert await count_calls(database, site) == 2
