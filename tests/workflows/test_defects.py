"""Defects are on record before they are raised, and what another version stored is read."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from src.agents import outline
from src.domain.article import Article, ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from src.rendering import page
from tests.eventually import eventually

from .conftest import Batches, RunWorker, reported
from .test_batch import articles_of, calls_of
from .test_taken_up import NEXT_DAY, cancel, count_calls, silent_at_metadata  # noqa: F401 - a fixture


async def failed_article(batches: Batches, database: Database, run_worker: RunWorker, **options: Any) -> Article:
    """Make a batch of one keyword that fails, and return its article."""
    site = await batches.site(keywords=1)
    async with run_worker(**options), asyncio.timeout(60):
        handle = await batches.start(site)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    assert (await batches.of(site)).status is BatchStatus.FAILED
    (article,) = await articles_of(database, site.slug)
    assert article.status is ArticleStatus.FAILED
    return article


async def raised_by(client: Client, article: Article) -> str | None:
    """The type of the error that the article's workflow ended with."""
    with pytest.raises(WorkflowFailureError) as caught:
        await client.get_workflow_handle(ids.article(article.id)).result()
    assert isinstance(caught.value.cause, ApplicationError)
    return caught.value.cause.type


@pytest.mark.parametrize("message", ["out of paper", "a NUL \x00 and half a character \ud800"])
async def test_a_defect_of_a_stage_is_final_after_three_attempts(
    message: str,
    batches: Batches,
    client: Client,
    database: Database,
    run_worker: RunWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def defective(*rest: Any, **options: Any) -> None:
        raise ZeroDivisionError(message)

    monkeypatch.setattr(outline, "plan", defective)
    article = await failed_article(batches, database, run_worker)
    assert article.failure is not None
    assert (article.failure.stage, article.failure.error_type) == (Stage.OUTLINE, "ZeroDivisionError")
    assert article.failure.attempts == policies.UNKNOWN_ATTEMPTS == 3
    assert message[:5] in article.failure.message
    assert await raised_by(client, article) == "ZeroDivisionError"
    assert [call.stage for call in await calls_of(database, article)] == [Stage.KEYWORD_ANALYSIS]


@pytest.mark.parametrize("message", ["no template", "a NUL \x00 and half a character \ud800"])
async def test_a_defect_of_a_last_step_is_on_record_whatever_it_says(
    message: str, batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective(*rest: Any, **options: Any) -> str:
        raise ValueError(message)

    monkeypatch.setattr(page, "render", defective)
    article = await failed_article(batches, database, run_worker)
    assert article.failure is not None
    assert (article.failure.error_type, article.failure.attempts) == ("ValueError", 3)
    assert message[:5] in article.failure.message


async def test_what_the_database_rejects_is_final_after_three_attempts(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unstorable(*rest: Any, **options: Any) -> str:
        return "<p>\x00</p>"

    monkeypatch.setattr(page, "render", unstorable)
    article = await failed_article(batches, database, run_worker)
    assert article.failure is not None
    assert article.failure.attempts == 3
    assert [call.status for call in await calls_of(database, article)] == [CallStatus.ANSWERED] * 4


async def test_a_defect_of_workflow_code_is_on_record_before_the_run_fails(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = workflow.set_current_details

    def defective(details: str) -> None:
        if details.startswith("B:"):
            raise ZeroDivisionError("no progress")
        show(details)

    monkeypatch.setattr(workflow, "set_current_details", defective)
    article = await failed_article(batches, database, run_worker)
    assert article.failure is not None
    assert (article.failure.stage, article.failure.error_type) == (Stage.OUTLINE, "ZeroDivisionError")
    assert await raised_by(client, article) == "ZeroDivisionError"


async def test_a_stage_that_lost_three_workers_is_on_record_as_such(
    batches: Batches, client: Client, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=1)

    async def asks() -> bool:
        return (await count_calls(database, site))[Stage.KEYWORD_ANALYSIS, CallStatus.OPEN] == 1

    async with run_worker(latency=600, shutdown_grace=timedelta(0)):
        handle = await batches.start(site)
        await eventually(asks)
    async with database.engine.begin() as connection:  # as two workers left it that died, and a third one
        await connection.execute(
            text(
                "UPDATE model_calls SET status = 'open', closed_at = NULL, worker = 'blue@gone:1:00',"
                " opened_at = now() - interval '1 hour'"
            )
        )
        await connection.execute(
            text(
                "INSERT INTO stage_failures (article_id, revision, stage, kind, failures, error_type, message)"
                " SELECT id, revision, 'A', 'lost', 2, 'WorkerLost', 'blue@gone:0:00' FROM articles"
            )
        )
    async with run_worker(), asyncio.timeout(60):
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    (article,) = await articles_of(database, site.slug)
    assert article.failure is not None
    assert (article.failure.stage, article.failure.error_type) == (Stage.KEYWORD_ANALYSIS, "WorkerLost")
    assert article.failure.attempts == 3
    assert await raised_by(client, article) == "WorkerLost"
    assert [call.status for call in await calls_of(database, article)] == [CallStatus.LOST]


async def with_other_limits(database: Database, site: Site) -> None:
    """Make the stored artefacts those of a version with longer texts and more fields."""
    async with database.engine.begin() as connection:
        for stage, name in (("A", "angle"), ("B", "summary")):
            await connection.execute(
                text(
                    "UPDATE stage_outputs SET artefact = artefact || jsonb_build_object('mood', 'dry', :name ::text,"
                    " repeat('long ', 500)) WHERE stage = :stage AND article_id IN"
                    " (SELECT id FROM articles WHERE site = :site)"
                ),
                {"stage": stage, "name": name, "site": site.slug},
            )


@pytest.mark.usefixtures("silent_at_metadata")
async def test_an_article_goes_on_with_the_artefacts_of_another_version(
    application: Any,
    batches: Batches,
    database: Database,
    run_worker: RunWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = await batches.site(keywords=1)

    async def is_described() -> bool:
        return (await count_calls(database, site))[Stage.SEO_METADATA, CallStatus.OPEN] == 1

    async with run_worker():
        handle = await batches.start(site)
        await eventually(is_described)
        await cancel(application, batches, site, handle)
    monkeypatch.undo()
    await with_other_limits(database, site)
    async with run_worker():
        report = await reported(await batches.start(site, slot=NEXT_DAY))
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 1)
    calls = await count_calls(database, site)
    assert {stage: calls[stage, CallStatus.ANSWERED] for stage in STAGES} == dict.fromkeys(STAGES, 1)
