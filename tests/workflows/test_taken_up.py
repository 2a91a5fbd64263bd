"""A keyword goes on with what it has: whatever ended its article, nothing answered is bought again."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError

from src.agents import article, keyword_analysis, outline, seo_metadata
from src.agents.instructions import instructions
from src.agents.language_model import Completion, Prompt
from src.application.keywords import requeue_keywords
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.errors import LongtailsLocked
from src.domain.ids import BatchId
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.batches import BatchRepository, BatchRequest
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.providers import Providers, ResolvedModel
from src.infrastructure.temporal import ids, policies
from tests.applications import ANNA
from tests.eventually import eventually
from tests.factories import PHRASES

from .conftest import SLOT, Batches, BatchHandle, RunWorker, reported
from .test_batch import articles_of, calls_of

NEXT_DAY = SLOT + timedelta(days=1)


async def count_calls(database: Database, site: Site) -> Counter[tuple[Stage, CallStatus]]:
    calls = [call for article in await articles_of(database, site.slug) for call in await calls_of(database, article)]
    return Counter((call.stage, call.status) for call in calls)


async def deploy_something_else(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change the keywords' figures, the site's tone and every prompt."""
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE longtails SET volume = 77, difficulty = 7"))
        await connection.execute(
            text("UPDATE sites SET description = jsonb_set(description, '{profile,tone}', '\"terse\"')")
        )
    for agent in (keyword_analysis, outline, article, seo_metadata):
        monkeypatch.setattr(agent, "instructions", lambda name: replace(instructions(name), text="Be brief."))


class Silent:
    """A model that never answers."""

    async def generate(self, prompt: Prompt) -> Completion:
        await asyncio.Event().wait()
        raise AssertionError(prompt)


@pytest.fixture
def silent_at_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only stage D waits for its model, for ever."""
    ordinary = Providers.model_for

    def model_for(self: Providers, site: Site, stage: Stage) -> ResolvedModel:
        found = ordinary(self, site, stage)
        return replace(found, language_model=Silent()) if stage is Stage.SEO_METADATA else found

    monkeypatch.setattr(Providers, "model_for", model_for)


async def cancel(application: Application, batches: Batches, site: Site, handle: BatchHandle) -> None:
    await application.batches.cancel((await batches.of(site)).id)
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), 30)


async def terminate(application: Application, batches: Batches, site: Site, handle: BatchHandle) -> None:
    await handle.terminate()
    assert (await application.batches.cancel((await batches.of(site)).id)).is_closed


async def terminate_shard(application: Application, batches: Batches, site: Site, handle: BatchHandle) -> None:
    """Terminate a shard and what it ran; the batch waits for the other shard until it is cancelled."""
    first, _ = await articles_of(application.database, site.slug)
    for workflow_id in (ids.shard(handle.id, 0), ids.article(first.id)):
        await application.client.get_workflow_handle(workflow_id).terminate()
    await cancel(application, batches, site, handle)


async def terminate_shard_of_cancelled(
    application: Application, batches: Batches, site: Site, handle: BatchHandle
) -> None:
    """Terminate a shard and what it ran after the batch has asked it to stop, and before it has."""
    first, _ = await articles_of(application.database, site.slug)
    await application.batches.cancel((await batches.of(site)).id)
    await eventually(lambda: asks_to_stop(handle))
    for workflow_id in (ids.shard(handle.id, 0), ids.article(first.id)):
        await application.client.get_workflow_handle(workflow_id).terminate()
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(handle.result(), 30)


async def asks_to_stop(handle: BatchHandle) -> bool:
    """Return whether the batch has asked its shards to stop; their calls hear of it seconds later."""
    asked = EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    return asked in [event.event_type for event in (await handle.fetch_history()).events]


@pytest.mark.parametrize("stop", [cancel, terminate, terminate_shard, terminate_shard_of_cancelled])
async def test_the_next_slot_buys_only_what_was_not_answered(
    stop: Callable[[Application, Batches, Site, BatchHandle], Awaitable[None]],
    application: Application,
    batches: Batches,
    database: Database,
    run_worker: RunWorker,
    silent_at_metadata: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if stop in (terminate_shard, terminate_shard_of_cancelled):
        monkeypatch.setattr(policies, "SHARD_SIZE", 1)
        monkeypatch.setattr(policies, "STOP_PATIENCE", timedelta(seconds=4))
    site = await batches.site(keywords=2)

    async def both_are_described() -> bool:
        return (await count_calls(database, site))[Stage.SEO_METADATA, CallStatus.OPEN] == 2

    async with run_worker(model_slots=2):
        handle = await batches.start(site)
        await eventually(both_are_described)
        await stop(application, batches, site, handle)
    before = await articles_of(database, site.slug)
    assert {article.status for article in before} == {ArticleStatus.CANCELLED}
    monkeypatch.undo()
    await deploy_something_else(database, monkeypatch)

    async with run_worker():
        report = await reported(await batches.start(site, slot=NEXT_DAY))

    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 2)
    after = await articles_of(database, site.slug)
    assert {article.id for article in after} == {article.id for article in before}
    assert len({article.keyword for article in after}) == 2  # one finished article each
    calls = await count_calls(database, site)
    assert {stage: calls[stage, CallStatus.ANSWERED] for stage in STAGES} == dict.fromkeys(STAGES, 2)
    assert sum(calls.values()) == 4 * 2 + 2  # of each stage D the one that was cut off


async def test_a_shard_may_end_in_the_moment_of_its_batchs_cancellation(
    application: Application,
    batches: Batches,
    database: Database,
    run_worker: RunWorker,
    silent_at_metadata: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 1)
    site = await batches.site(keywords=2)

    async def both_are_described() -> bool:
        return (await count_calls(database, site))[Stage.SEO_METADATA, CallStatus.OPEN] == 2

    async with run_worker(model_slots=2, shutdown_grace=timedelta(0)):
        handle = await batches.start(site)
        await eventually(both_are_described)
    # Nobody works, so that both events reach the batch in one workflow task.
    await application.batches.cancel((await batches.of(site)).id)
    first, _ = await articles_of(database, site.slug)
    for workflow_id in (ids.shard(handle.id, 0), ids.article(first.id)):
        await application.client.get_workflow_handle(workflow_id).terminate()

    async with run_worker():
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 30)
    assert {article.status for article in await articles_of(database, site.slug)} == {ArticleStatus.CANCELLED}
    tasks = [event.event_type for event in (await handle.fetch_history()).events]
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in tasks


async def test_a_requeued_keyword_goes_on_with_its_article(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(fail_keywords=PHRASES[:1]):
        assert (await reported(await batches.start(site))).failed == 1
    assert await requeue_keywords(database, site.slug, [], by=ANNA) == 1
    await deploy_something_else(database, monkeypatch)

    async with run_worker():
        report = await reported(await batches.start(site, slot=NEXT_DAY))

    assert (report.total, report.needs_review) == (1, 1)
    assert len(await articles_of(database, site.slug)) == 2
    calls = await count_calls(database, site)
    assert {stage: calls[stage, CallStatus.ANSWERED] for stage in STAGES} == dict.fromkeys(STAGES, 2)


async def test_no_keyword_gets_a_second_article_while_a_terminated_batch_goes_on(
    client: Client, batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=2)

    async def both_are_under_way() -> bool:
        return [a.status for a in await articles_of(database, site.slug)] == [ArticleStatus.GENERATING] * 2

    async def both_are_written() -> bool:
        return [a.status for a in await articles_of(database, site.slug)] == [ArticleStatus.NEEDS_REVIEW] * 2

    async with run_worker(latency=0.5, model_slots=2):
        handle = await batches.start(site)
        await eventually(both_are_under_way)
        await handle.terminate()
        assert (await reported(await batches.start(site, slot=NEXT_DAY))).total == 0
        await eventually(both_are_written)
        for article in await articles_of(database, site.slug):
            await client.get_workflow_handle(ids.article(article.id)).result()
    assert sum((await count_calls(database, site)).values()) == 4 * 2


async def test_a_batch_that_finds_every_ready_keyword_locked_waits_and_is_not_complete(
    batches: Batches, database: Database, run_worker: RunWorker, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await batches.site(keywords=2)
    refused: list[str] = []
    fill = BatchRepository._fill

    async def noted(self: BatchRepository, batch_id: BatchId, slug: str, limit: int) -> None:
        try:
            await fill(self, batch_id, slug, limit)
        except LongtailsLocked:
            refused.append(slug)
            raise

    async def is_refused_twice() -> bool:
        return len(refused) >= 2

    monkeypatch.setattr(BatchRepository, "_fill", noted)
    other = BatchRequest(
        site=site.slug, slot=NEXT_DAY, trigger=Trigger.MANUAL, colour=colour, workflow_id="batch/other", run_id="run"
    )
    async with run_worker():
        async with database.unit_of_work(autocommit=False) as claiming:  # as a worker that dies before it commits
            await claiming.batches.open(other, limit=2, force=False)
            handle = await batches.start(site)
            await eventually(is_refused_twice)
        report = await reported(handle)
    assert (report.status, report.total, report.needs_review) == (BatchStatus.COMPLETED, 2, 2)
