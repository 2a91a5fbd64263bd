"""One batch on real parts: what fails stays alone, what is done is not done again, what is stopped loses nothing."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from src.bootstrap import Application
from src.domain.article import Article, ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.content import Content
from src.domain.longtail import LongtailStatus
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal.workflows.article import ArticleWorkflow
from src.rendering import page
from tests.eventually import eventually
from tests.factories import PHRASES, a_site, longtails

from .conftest import Batches, RunWorker, reported

FAILING = PHRASES[4]


async def articles_of(database: Database, site: str) -> list[Article]:
    async with database.unit_of_work() as uow:
        return await uow.articles.list_all(site=site, limit=1000)


async def calls_of(database: Database, article: Article) -> list[ModelCall]:
    async with database.unit_of_work() as uow:
        return await uow.model_calls.list_for_article(article.id)


async def test_a_batch_makes_an_article_of_every_longtail(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site()
    async with run_worker():
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 8, 32)
    for article in await articles_of(database, site.slug):
        assert article.status is ArticleStatus.NEEDS_REVIEW
        assert article.stages_done == STAGES
        assert article.offline
        async with database.unit_of_work() as uow:
            assert (await uow.articles.find_html(article.id) or "").startswith("<!DOCTYPE html>")


async def test_one_failing_article_leaves_the_other_seven_alone(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, colour: Colour
) -> None:
    site = await batches.site()
    async with run_worker(fail_keywords=(FAILING,)):
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.PARTLY_FAILED, 7, 1)

    failed = next(a for a in await articles_of(database, site.slug) if a.status is ArticleStatus.FAILED)
    assert failed.keyword == FAILING
    assert failed.failure is not None
    assert (failed.failure.stage, failed.failure.error_type) == (Stage.ARTICLE, "ModelBadRequest")
    assert failed.failure.attempts == 1
    assert "simulated" in failed.failure.message
    with pytest.raises(WorkflowFailureError) as error:
        await client.get_workflow_handle(ids.article(failed.id)).result()
    assert isinstance(error.value.cause, ApplicationError)
    assert error.value.cause.type == "ModelBadRequest"
    assert "stage C" in error.value.cause.message

    async with database.unit_of_work() as uow:
        before = {call.id for call in await uow.model_calls.list_for_article(failed.id)}
        ref = await uow.articles.prepare_retry(failed.id, from_stage=None)
    async with run_worker():
        await client.execute_workflow(
            ArticleWorkflow.run, ref, id=ids.article(failed.id), task_queue=ids.task_queue(colour)
        )
    async with database.unit_of_work() as uow:
        bought = [call.stage for call in await uow.model_calls.list_for_article(failed.id) if call.id not in before]
    assert bought == [Stage.ARTICLE, Stage.SEO_METADATA]
    assert (await batches.of(site)).status is BatchStatus.COMPLETED


async def test_a_batch_in_which_nothing_succeeded_fails(batches: Batches, run_worker: RunWorker) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(fail_keywords=PHRASES[:2]):
        with pytest.raises(WorkflowFailureError) as error:
            await (await batches.start(site)).result()
    assert isinstance(error.value.cause, ApplicationError)
    assert error.value.cause.type == "BatchFailed"
    assert (await batches.of(site)).status is BatchStatus.FAILED


async def test_a_slot_that_is_done_is_not_done_again(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=4, articles_per_batch=2)
    async with run_worker():
        first = await (await batches.start(site)).result()
        second = await (await batches.start(site)).result()
        assert second == first
        assert len(await articles_of(database, site.slug)) == 2


async def test_a_failed_slot_goes_on_where_it_stopped(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(fail_keywords=PHRASES[:2]):
        with pytest.raises(WorkflowFailureError):
            await (await batches.start(site)).result()
    async with run_worker():
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 2)
    async with database.unit_of_work() as uow:
        calls = [
            c for a in await uow.articles.list_all(site=site.slug) for c in await uow.model_calls.list_for_article(a.id)
        ]
    assert Counter(call.stage for call in calls if call.status == CallStatus.ANSWERED) == dict.fromkeys(STAGES, 2)


async def test_a_provider_without_a_key_stops_the_batch_before_anything_is_claimed(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(models={"C": {"provider": "anthropic"}})
    async with run_worker():
        with pytest.raises(WorkflowFailureError) as error:
            await (await batches.start(site)).result()
    assert "ANTHROPIC_API_KEY" in str(error.value.cause)
    batch = await batches.of(site)
    assert (batch.status, batch.total, batch.error_type) == (BatchStatus.FAILED, 0, "ModelNotConfigured")
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status(site.slug))[LongtailStatus.READY] == 8


async def test_a_cancelled_batch_releases_its_longtails_and_keeps_what_is_finished(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site()
    async with run_worker(latency=0.3, model_slots=2):
        handle = await batches.start(site)

        async def one_is_finished() -> bool:
            return any(a.status is ArticleStatus.NEEDS_REVIEW for a in await articles_of(database, site.slug))

        await eventually(one_is_finished)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    batch = await batches.of(site)
    assert batch.status is BatchStatus.CANCELLED
    assert batch.under_way == 0
    assert batch.needs_review >= 1
    async with database.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status(site.slug)
        assert counts[LongtailStatus.CLAIMED] == 0
        assert counts[LongtailStatus.WRITTEN] == batch.needs_review
        for article in await uow.articles.list_all(site=site.slug):
            assert CallStatus.OPEN not in {call.status for call in await uow.model_calls.list_for_article(article.id)}


async def test_an_article_that_is_cancelled_while_it_waits_for_a_model_asks_for_no_further_stage(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    """The call ends well before it hears of the cancellation; the stage after it must not be bought."""
    site = await batches.site(keywords=1)
    async with run_worker(latency=1):
        handle = await batches.start(site)

        async def stages() -> list[str]:
            return [c.stage for a in await articles_of(database, site.slug) for c in await calls_of(database, a)]

        await eventually(stages)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert await stages() == [Stage.KEYWORD_ANALYSIS]
    assert (await batches.of(site)).cancelled == 1


async def test_a_large_batch_goes_through_shards_and_misses_none(
    batches: Batches, database: Database, run_worker: RunWorker, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 3)
    site = await batches.site()
    async with run_worker():
        handle = await batches.start(site)
        report = await reported(handle)
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 8)
    for first in (0, 3, 6):
        shard = await client.get_workflow_handle(f"{handle.id}/articles-{first}").describe()
        assert shard.workflow_type == "ArticleShardWorkflow"


async def test_a_defect_in_a_last_step_fails_its_article_with_its_name(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await batches.site(keywords=3)
    render = page.render

    def defective(content: Content, *rest: Any) -> str:
        if PHRASES[1] in content.h1.lower():
            raise ValueError("no template for this")
        return render(content, *rest)

    monkeypatch.setattr(page, "render", defective)
    async with run_worker():
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.PARTLY_FAILED, 2, 1)
    (failed,) = [a for a in await articles_of(database, site.slug) if a.status is ArticleStatus.FAILED]
    assert failed.failure is not None
    assert (failed.failure.error_type, failed.failure.attempts) == ("ValueError", 3)
    assert "no template for this" in failed.failure.message


async def test_a_batch_opens_while_every_model_slot_is_busy(
    batches: Batches, application: Application, database: Database, run_worker: RunWorker, colour: Colour
) -> None:
    busy = await batches.site(keywords=1)
    waiting = f"waiting-{colour}"
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=waiting))
        await uow.longtails.add(waiting, longtails(2), source="test")

    async def is_generating() -> bool:
        return [a.status for a in await articles_of(database, busy.slug)] == [ArticleStatus.GENERATING]

    async def is_open() -> bool:
        return len(await articles_of(database, waiting)) == 2

    async with run_worker(latency=600, model_slots=1, shutdown_grace=timedelta(0)):
        handle = await batches.start(busy)
        await eventually(is_generating)
        await application.batches.start(waiting, colour=colour)
        await eventually(is_open)
        await handle.terminate()


async def test_a_terminated_shard_ends_neither_its_articles_nor_its_siblings(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 3)
    site = await batches.site(keywords=6, articles_per_batch=6)

    async def every_shard_generates() -> bool:
        articles = await articles_of(database, site.slug)
        return [article.status for article in articles].count(ArticleStatus.GENERATING) >= 4

    async with run_worker(latency=0.5, model_slots=6):
        handle = await batches.start(site)
        await eventually(every_shard_generates)
        await client.get_workflow_handle(ids.shard(handle.id, 0)).terminate()
        await reported(handle)

        async def all_are_written() -> bool:
            batch = await batches.of(site)
            return (batch.needs_review, batch.under_way) == (6, 0)

        await eventually(all_are_written)
    batch = await batches.of(site)
    assert (batch.status, batch.cancelled) == (BatchStatus.COMPLETED, 0)
    calls = [call for article in await articles_of(database, site.slug) for call in await calls_of(database, article)]
    assert len(calls) == 6 * len(STAGES)
