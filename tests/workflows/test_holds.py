"""Holds on real parts: each depth stops what it says, and after the release nothing is missing or bought again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from src.application.holds import Holds
from src.bootstrap import Application
from src.domain.article import Article, ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.errors import NotFound
from src.domain.hold import HoldDepth, HoldState
from src.domain.longtail import LongtailStatus
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal import worker as temporal_worker
from tests.eventually import eventually
from tests.factories import PHRASES
from tests.replays import replayer
from tests.settled import until_settled

from .conftest import Batches, BatchHandle, RunWorker, reported


@pytest.fixture(autouse=True)
async def nothing_is_held(database: Database) -> AsyncIterator[None]:
    """A hold on all sites hangs on none of them, so it would outlive its test."""
    yield
    async with database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM holds"))


@pytest.fixture
def holds(application: Application) -> Holds:
    return application.holds


async def articles_of(database: Database, site: Site) -> list[Article]:
    async with database.unit_of_work() as uow:
        return await uow.articles.list_all(site=site.slug, limit=1000)


async def calls_of(database: Database, site: Site) -> list[ModelCall]:
    articles = await articles_of(database, site)
    async with database.unit_of_work() as uow:
        return [call for article in articles for call in await uow.model_calls.list_for_article(article.id)]


async def in_status(database: Database, site: Site, status: CallStatus) -> list[ModelCall]:
    return [call for call in await calls_of(database, site) if call.status == status]


async def until_calls_are_open(database: Database, site: Site, count: int, stage: Stage | None = None) -> None:
    async def look() -> bool:
        calls = await in_status(database, site, CallStatus.OPEN)
        return sum(stage in (None, call.stage) for call in calls) >= count

    await eventually(look)


async def until_nothing_is_open(database: Database, site: Site) -> None:
    async def look() -> bool:
        return not await in_status(database, site, CallStatus.OPEN)

    await eventually(look)


async def says(client: Client, workflow_id: str) -> str:
    """What Temporal's UI shows as its current details."""
    return str(await client.get_workflow_handle(workflow_id).query("__temporal_workflow_metadata"))


async def replays(client: Client, *workflow_ids: str) -> None:
    for workflow_id in workflow_ids:
        history = await client.get_workflow_handle(workflow_id).fetch_history()
        await replayer(*temporal_worker.WORKFLOWS).replay_workflow(history)


async def test_depth_articles_starts_no_new_article_and_finishes_those_under_way(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=5)
    async with run_worker(latency=0.3, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 2)
        told = await holds.set(site.slug, depth=HoldDepth.ARTICLES, note="look first")
        assert (told.changed, told.batches) == (True, 1)

        async def two_are_finished() -> bool:
            return (await batches.of(site)).needs_review == 2

        await eventually(two_are_finished)
        await until_settled(client, handle.id)
        assert len(await calls_of(database, site)) == 8
        assert Counter(article.status for article in await articles_of(database, site)) == {
            ArticleStatus.NEEDS_REVIEW: 2,
            ArticleStatus.QUEUED: 3,
        }
        assert "held at articles; 2 of 5 articles ended" in await says(client, handle.id)

        assert (await holds.release(site.slug)).changed
        report = await reported(handle)
        await replays(client, handle.id)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 5, 20)


async def test_depth_stages_stops_articles_before_their_next_stage(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=4)
    async with run_worker(latency=0.5, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 2, Stage.OUTLINE)
        await holds.set(site.slug, depth=HoldDepth.STAGES, note="")
        await until_nothing_is_open(database, site)
        await until_settled(client, handle.id)
        before = await calls_of(database, site)
        assert {call.status for call in before} == {CallStatus.ANSWERED}
        under_way = [a for a in await articles_of(database, site) if a.status is ArticleStatus.GENERATING]
        assert [article.stages_done for article in under_way] == [STAGES[:2]] * 2
        assert "waiting before stage C" in await says(client, ids.article(under_way[0].id))

        await holds.release(site.slug)
        report = await reported(handle)
        await replays(client, handle.id, ids.article(under_way[0].id))
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, 16)


async def test_depth_calls_cuts_calls_off_and_asks_again_after_the_release(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=3)
    async with run_worker(latency=0.3, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 2, Stage.OUTLINE)
    # Its worker was told to stop and let its calls end; the next one's take so long that only a cut ends them.
    async with run_worker(latency=600, model_slots=2):
        await until_calls_are_open(database, site, 2, Stage.ARTICLE)
        bought = {call.id for call in await in_status(database, site, CallStatus.ANSWERED)}
        await holds.set(site.slug, depth=HoldDepth.CALLS, note="the model writes nonsense")
        await until_nothing_is_open(database, site)
        cut = [call for call in await calls_of(database, site) if call.id not in bought]
        assert [(call.stage, call.status, call.error_type) for call in cut] == [("C", "failed", "Cancelled")] * 2
        assert all(call.latency_ms is not None and call.closed_at is not None for call in cut)
        held = [a for a in await articles_of(database, site) if a.status is ArticleStatus.GENERATING]
        assert [article.failure for article in held] == [None, None]
        assert "held at calls; waiting before stage C" in await says(client, ids.article(held[0].id))
    # A worker that leaves while all is held does no harm either.
    async with run_worker(model_slots=2):
        await holds.release(site.slug)
        report = await reported(handle)
        await replays(client, handle.id, *(ids.article(article.id) for article in held))
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 3)
    answered = await in_status(database, site, CallStatus.ANSWERED)
    assert bought <= {call.id for call in answered}
    assert Counter(call.stage for call in answered) == dict.fromkeys(STAGES, 3)
    assert {call.attempt for call in answered if call.stage == Stage.ARTICLE} == {1}
    assert len(await calls_of(database, site)) == 14


async def test_a_batch_that_starts_while_held_claims_nothing_until_the_release(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=3)
    await holds.set(site.slug, depth=HoldDepth.ARTICLES, note="")
    async with run_worker():
        handle = await batches.start(site)

        async def it_waits() -> bool:
            async with database.unit_of_work() as uow:
                return await uow.batches.find_by_workflow(site.slug, handle.id) is not None

        await eventually(it_waits)
        await until_settled(client, handle.id)
        async with database.unit_of_work() as uow:
            assert (await uow.longtails.count_by_status(site.slug))[LongtailStatus.READY] == 3
            assert [hold.depth for hold in await uow.holds.list_current(site.slug)] == [HoldDepth.ARTICLES]
        batch = await batches.of(site)
        assert (batch.status, batch.total) == (BatchStatus.RUNNING, 0)
        assert "held at articles; nothing is claimed yet" in await says(client, handle.id)
        told = await holds.release(site.slug)
        assert (told.batches, told.articles) == (1, 0)
        report = await reported(handle)
        await replays(client, handle.id)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 3, 12)


async def test_a_failed_slot_that_starts_again_while_held_waits_as_well(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(fail_keywords=PHRASES[:2]):
        with pytest.raises(WorkflowFailureError):
            await (await batches.start(site)).result()
    before = len(await calls_of(database, site))
    await holds.set(site.slug, depth=HoldDepth.CALLS, note="")
    async with run_worker():
        handle = await batches.start(site)

        async def it_waits() -> bool:
            return (await batches.of(site)).status is BatchStatus.RUNNING

        await eventually(it_waits)
        await until_settled(client, handle.id)
        assert len(await calls_of(database, site)) == before
        assert {article.status for article in await articles_of(database, site)} == {ArticleStatus.FAILED}
        await holds.release(site.slug)
        report = await reported(handle)
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 2)
    answered = Counter(call.stage for call in await in_status(database, site, CallStatus.ANSWERED))
    assert answered == dict.fromkeys(STAGES, 2)


async def test_a_hold_on_every_site_and_one_on_a_site_combine_and_the_deeper_counts(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=4)

    async def state() -> HoldState:
        async with database.unit_of_work() as uow:
            return await uow.holds.get_state(site.slug)

    async with run_worker(latency=0.3, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 1)
        await holds.set(site.slug, depth=HoldDepth.ARTICLES, note="")
        assert (await state()).depth is HoldDepth.ARTICLES
        await holds.set(None, depth=HoldDepth.STAGES, note="provider trouble")
        assert (await state()).depth is HoldDepth.STAGES
        await until_nothing_is_open(database, site)
        await holds.release(site.slug)
        assert (await state()).depth is HoldDepth.STAGES
        assert not (await holds.release(site.slug)).changed
        await until_settled(client, handle.id)
        assert not await in_status(database, site, CallStatus.OPEN)
        assert all(article.status is not ArticleStatus.NEEDS_REVIEW for article in await articles_of(database, site))
        await holds.release(None)
        assert (await state()).depth is None
        report = await reported(handle)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, 16)
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT action FROM audit_events WHERE noun = 'hold' AND subject IN (:site, '*') ORDER BY at"),
            {"site": site.slug},
        )
        assert list(rows.scalars()) == ["set", "set", "release", "release"]


async def test_an_article_that_is_retried_while_held_waits(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds, application: Application
) -> None:
    site = await batches.site(keywords=1)
    async with run_worker(fail_keywords=PHRASES[:1]):
        with pytest.raises(WorkflowFailureError):
            await (await batches.start(site)).result()
    article = (await articles_of(database, site))[0]
    before = len(await calls_of(database, site))
    await holds.set(None, depth=HoldDepth.ARTICLES, note="")
    async with run_worker():
        started = await application.articles.retry(article.id, colour=(await batches.of(site)).colour)
        assert started.hold.depth is HoldDepth.ARTICLES

        async def it_waits() -> bool:
            return "waiting before stage A" in await says(application.client, ids.article(article.id))

        await eventually(it_waits)
        await until_settled(client, ids.article(article.id))
        assert len(await calls_of(database, site)) == before
        assert (await holds.release(None)).articles == 1
        await application.client.get_workflow_handle(ids.article(article.id)).result()
    assert (await articles_of(database, site))[0].status is ArticleStatus.NEEDS_REVIEW


@pytest.mark.parametrize("depth", [None, *HoldDepth], ids=lambda depth: f"{depth or 'before it is claimed'}")
async def test_a_held_batch_can_be_cancelled(
    batches: Batches, database: Database, run_worker: RunWorker, holds: Holds, depth: HoldDepth | None
) -> None:
    site = await batches.site(keywords=4)
    if depth is None:
        await holds.set(site.slug, depth=HoldDepth.ARTICLES, note="")
    async with run_worker(latency=0.4, model_slots=2):
        handle = await batches.start(site)
        if depth is None:
            await is_open(batches, database, site, handle)
        else:
            await until_calls_are_open(database, site, 2, Stage.OUTLINE)
            await holds.set(site.slug, depth=depth, note="")
            await until_nothing_is_open(database, site)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 60)
    batch = await batches.of(site)
    assert (batch.status, batch.under_way) == (BatchStatus.CANCELLED, 0)
    async with database.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status(site.slug)
    assert counts[LongtailStatus.CLAIMED] == 0
    assert counts[LongtailStatus.READY] == 4 - batch.needs_review


async def test_a_batch_whose_calls_are_just_being_cut_off_can_be_cancelled(
    batches: Batches, database: Database, run_worker: RunWorker, holds: Holds
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(latency=600, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 2)
        await holds.set(site.slug, depth=HoldDepth.CALLS, note="")
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 60)
    assert {article.status for article in await articles_of(database, site)} == {ArticleStatus.CANCELLED}
    assert (await batches.of(site)).status is BatchStatus.CANCELLED


async def test_a_call_that_fails_while_it_is_cut_off_is_asked_again_and_not_charged(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    """Temporal gives up the retries of a call that is to be cancelled; so does a dead worker's silence end it."""
    site = await batches.site(keywords=1)
    async with run_worker(latency=600):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 1)
        article = (await articles_of(database, site))[0]
        workflow_id = ids.article(article.id)
        await holds.set(site.slug, depth=HoldDepth.CALLS, note="")

        async def it_is_being_cut_off() -> bool:
            described = await client.get_workflow_handle(workflow_id).describe()
            return any(
                activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
                for activity in described.raw_description.pending_activities
            )

        await eventually(it_is_being_cut_off)
        call = client.get_async_activity_handle(workflow_id=workflow_id, run_id=None, activity_id="A")
        await call.fail(ApplicationError("the connection broke", type="ModelUnreachable"))

        async def it_waits() -> bool:
            return "waiting before stage A" in await says(client, workflow_id)

        await eventually(it_waits)
    async with run_worker():
        await holds.release(site.slug)
        assert (await reported(handle)).needs_review == 1


async def is_open(batches: Batches, database: Database, site: Site, handle: BatchHandle) -> None:
    async def look() -> bool:
        async with database.unit_of_work() as uow:
            return await uow.batches.find_by_workflow(site.slug, handle.id) is not None

    await eventually(look)


async def test_a_large_batch_is_held_in_all_of_its_shards(
    batches: Batches,
    database: Database,
    client: Client,
    run_worker: RunWorker,
    holds: Holds,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 3)
    site = await batches.site()
    async with run_worker(latency=0.3, model_slots=4):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 4)
        assert (await holds.set(site.slug, depth=HoldDepth.STAGES, note="")).batches >= 3
        await until_nothing_is_open(database, site)
        await until_settled(client, handle.id)
        before = await calls_of(database, site)
        assert len(before) <= 8
        await holds.release(site.slug)
        report = await reported(handle)
        await replays(client, handle.id, ids.shard(handle.id, 0))
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 8, 32)


async def test_an_article_that_started_unseen_is_told_by_its_batch(
    batches: Batches, database: Database, client: Client, run_worker: RunWorker, holds: Holds
) -> None:
    """Whoever sets a hold may miss an article that starts in that moment; here only the batch is told."""
    site = await batches.site(keywords=2)
    async with run_worker(latency=0.5, model_slots=2):
        handle = await batches.start(site)
        await until_calls_are_open(database, site, 2)
        await client.get_workflow_handle(handle.id).signal("hold", HoldState(version=1, depth=HoldDepth.STAGES))
        await until_nothing_is_open(database, site)
        await until_settled(client, handle.id)
        assert len(await calls_of(database, site)) == 2
        # The newest state is true, whatever arrives later.
        await client.get_workflow_handle(handle.id).signal("hold", HoldState(version=3))
        await client.get_workflow_handle(handle.id).signal("hold", HoldState(version=2, depth=HoldDepth.CALLS))
        assert (await reported(handle)).needs_review == 2


async def test_a_hold_waits_for_a_batch_that_is_opening(batches: Batches, database: Database, holds: Holds) -> None:
    site = await batches.site(keywords=1)
    async with database.unit_of_work() as opening:
        await opening.holds.get_state(site.slug, opening=True)
        setting = asyncio.ensure_future(holds.set(site.slug, depth=HoldDepth.ARTICLES, note=""))
        done, _ = await asyncio.wait({setting}, timeout=0.5)
        assert not done
    assert (await setting).changed


async def test_an_unknown_site_cannot_be_held(holds: Holds) -> None:
    with pytest.raises(NotFound):
        await holds.set("nowhere", depth=HoldDepth.ARTICLES, note="")
