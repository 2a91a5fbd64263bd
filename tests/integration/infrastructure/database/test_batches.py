"""A slot has one batch, a longtail one batch at a time, and nothing is lost between them."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from src.domain.article import ArticleStatus, Failure
from src.domain.batch import BatchStatus
from src.domain.errors import LongtailsLocked
from src.domain.ids import BatchId
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.infrastructure.database.stage_outputs import StageResult
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from tests.eventually import eventually
from tests.factories import a_site, longtails, open_batch

LATER = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
FAILURE = Failure(stage=Stage.ARTICLE, error_type="OutputRejected", message="too short", attempts=1)


@pytest.fixture(autouse=True)
async def _site(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(8), source="test")


async def end(database: Database, batch_id: BatchId, *statuses: ArticleStatus) -> None:
    """End the batch's articles in their order, then the batch."""
    async with database.unit_of_work() as uow:
        articles = await uow.articles.list_unfinished(batch_id, first=0, end=1000)
    for article, status in zip(articles, statuses, strict=False):
        async with database.unit_of_work() as uow:
            match status:
                case ArticleStatus.NEEDS_REVIEW:
                    await uow.articles.save(article.article_id, html="…", content_hash="0", words=600, offline=True)
                case ArticleStatus.FAILED:
                    await uow.articles.fail(article.article_id, FAILURE)
                case _:
                    await uow.articles.cancel(article.article_id)
    await database.run_in_transaction(lambda uow: uow.batches.close(batch_id, cancelled=False, error=None))


async def statuses(database: Database) -> dict[LongtailStatus, int]:
    async with database.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status("hardware-shop")
    return {status: count for status, count in counts.items() if count}


async def test_opening_claims_the_first_longtails_in_their_order(database: Database) -> None:
    batch_id, has_work = await open_batch(database)
    async with database.unit_of_work() as uow:
        articles = await uow.articles.list_unfinished(batch_id, first=0, end=5)
    assert has_work
    assert [article.keyword for article in articles] == [longtail.phrase for longtail in longtails(5)]
    assert await statuses(database) == {LongtailStatus.CLAIMED: 5, LongtailStatus.READY: 3}


async def test_what_was_cancelled_since_a_run_began_is_still_to_be_made_by_it(database: Database) -> None:
    """An earlier run of the slot, being cancelled, cancels articles that the new one has already opened."""
    batch_id, _ = await open_batch(database)
    async with database.unit_of_work() as uow:
        before, first, second, *rest = await uow.articles.list_unfinished(batch_id, first=0, end=5)
    await database.run_in_transaction(lambda uow: uow.articles.cancel(before.article_id))
    async with database.engine.connect() as connection:
        began = await connection.scalar(text("SELECT clock_timestamp()"))
    await database.run_in_transaction(lambda uow: uow.articles.cancel(first.article_id))
    async with database.unit_of_work() as uow:
        left = await uow.articles.list_unfinished(batch_id, first=0, end=5)
        to_do = await uow.articles.list_unfinished(batch_id, first=0, end=5, or_cancelled_since=began)
    assert left == [second, *rest]
    assert to_do == [first, second, *rest]


async def test_opening_twice_claims_once(database: Database) -> None:
    first = await open_batch(database)
    assert await open_batch(database) == first
    assert (await statuses(database))[LongtailStatus.CLAIMED] == 5


async def test_batches_that_open_at_once_never_share_a_longtail(database: Database) -> None:
    slots = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 9)]

    async def open_as_a_worker_does(slot: datetime) -> None:
        while True:
            try:
                await open_batch(database, slot, limit=2)
            except LongtailsLocked:  # by the others, all of them, at this moment
                continue
            return

    await asyncio.gather(*(open_as_a_worker_does(slot) for slot in slots))
    async with database.unit_of_work() as uow:
        articles = await uow.articles.list_all(limit=100)
    assert len(articles) == len({article.keyword for article in articles}) == 8


async def test_a_done_slot_has_no_work_unless_forced(database: Database) -> None:
    batch_id, _ = await open_batch(database)
    await end(database, batch_id, *[ArticleStatus.NEEDS_REVIEW] * 4, ArticleStatus.FAILED)
    assert await open_batch(database, run="run-2") == (batch_id, False)
    assert await open_batch(database, run="run-3", force=True) == (batch_id, True)
    async with database.unit_of_work() as uow:
        assert len(await uow.articles.list_unfinished(batch_id, first=0, end=100)) == 1


async def test_a_failed_slot_opens_again_and_goes_on_with_what_it_had(database: Database) -> None:
    batch_id, _ = await open_batch(database)
    await end(database, batch_id, *[ArticleStatus.FAILED] * 5)
    async with database.unit_of_work() as uow:
        assert (await uow.batches.get(batch_id)).status is BatchStatus.FAILED
    assert await open_batch(database, run="run-2") == (batch_id, True)
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
    assert (batch.status, batch.total, batch.under_way) == (BatchStatus.RUNNING, 5, 5)
    assert await statuses(database) == {LongtailStatus.CLAIMED: 5, LongtailStatus.READY: 3}


async def test_closing_releases_what_was_never_started(database: Database) -> None:
    batch_id, _ = await open_batch(database)
    await end(database, batch_id, ArticleStatus.NEEDS_REVIEW)
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
    assert (batch.needs_review, batch.cancelled, batch.status) == (1, 4, BatchStatus.PARTLY_FAILED)
    assert await statuses(database) == {LongtailStatus.WRITTEN: 1, LongtailStatus.READY: 7}


async def test_a_batch_without_longtails_is_complete_and_empty(database: Database) -> None:
    await open_batch(database, limit=8)
    batch_id, _ = await open_batch(database, LATER)
    await end(database, batch_id)
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
    assert (batch.status, batch.total) == (BatchStatus.COMPLETED, 0)


async def test_a_retried_article_changes_what_its_batch_came_to(database: Database) -> None:
    batch_id, _ = await open_batch(database, limit=2)
    await end(database, batch_id, ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED)
    async with database.unit_of_work() as uow:
        failed = (await uow.articles.list_all(status=ArticleStatus.FAILED))[0]
        await uow.articles.prepare_retry(failed.id, from_stage=None)
    async with database.unit_of_work() as uow:
        await uow.articles.save(failed.id, html="…", content_hash="0", words=600, offline=True)
        await uow.batches.follow_article(failed.id)
    async with database.unit_of_work() as uow:
        assert (await uow.batches.get(batch_id)).status is BatchStatus.COMPLETED


@pytest.mark.parametrize("article_comes_first", [True, False])
async def test_an_article_that_is_stored_while_its_batch_closes_counts(
    database: Database, article_comes_first: bool
) -> None:
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        article = (await uow.articles.list_unfinished(batch_id, first=0, end=1))[0]
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE articles SET status = 'generating'"))

    async def store(uow: UnitOfWork) -> None:
        await uow.articles.save(article.article_id, html="…", content_hash="0", words=600, offline=True)
        await uow.batches.follow_article(article.article_id)

    async def close(uow: UnitOfWork) -> None:
        await uow.batches.close(batch_id, cancelled=False, error=None, keep_generating=True)

    async def is_waiting() -> bool:
        locks = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        async with database.engine.connect() as connection:
            return bool(await connection.scalar(text(locks)))

    first, second = (store, close) if article_comes_first else (close, store)
    async with database.unit_of_work() as uow:
        await first(uow)
        waiting = asyncio.create_task(database.run_in_transaction(second))
        await eventually(is_waiting)
    await waiting
    async with database.unit_of_work() as uow:
        assert (await uow.batches.get(batch_id)).status is BatchStatus.COMPLETED


async def test_a_later_batch_takes_up_a_cancelled_article(database: Database) -> None:
    batch_id, _ = await open_batch(database, limit=1)
    await end(database, batch_id, ArticleStatus.CANCELLED)
    later_id, _ = await open_batch(database, LATER, limit=1)
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
        earlier, later = await uow.batches.get(batch_id), await uow.batches.get(later_id)
    assert (article.batch_id, article.status) == (later_id, ArticleStatus.QUEUED)
    assert (earlier.total, earlier.cancelled) == (1, 1)
    assert (later.total, later.under_way) == (1, 1)


async def test_retrying_from_a_stage_keeps_the_stages_before_it(database: Database) -> None:
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        ref = (await uow.articles.list_unfinished(batch_id, first=0, end=1))[0]
        for stage in Stage:
            made = StageResult(
                artefact={"made": stage},
                prompt="p@1",
                prompt_hash="0",
                provider="offline",
                model="m",
                idempotency_key="k",
            )
            await uow.stage_outputs.insert_if_absent(ref.article_id, 1, stage, made)
    await end(database, batch_id, ArticleStatus.NEEDS_REVIEW)
    async with database.unit_of_work() as uow:
        again = await uow.articles.prepare_retry(ref.article_id, from_stage=Stage.ARTICLE)
        kept = [Stage.KEYWORD_ANALYSIS, Stage.OUTLINE]
        await uow.stage_outputs.copy_to_revision(ref.article_id, revision=1, to=again.revision, stages=kept)
    async with database.unit_of_work() as uow:
        outputs = await uow.stage_outputs.list_for_article(ref.article_id, again.revision)
    assert again.revision == 2
    assert [output.stage for output in outputs] == kept


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (("ModelUnreachable", "no connection"), BatchStatus.STOPPED),
        (("TimedOut", "no result in time"), BatchStatus.STOPPED),
        (("ModelAuthenticationFailed", "the key is rejected"), BatchStatus.FAILED),
        (("ModelNotFound", "no such model"), BatchStatus.FAILED),
    ],
)
async def test_a_batch_whose_models_refused_failed_only_by_key_account_or_model(
    database: Database, error: tuple[str, str], status: BatchStatus
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(), source="test")
    batch_id, _ = await open_batch(database, limit=0)
    async with database.unit_of_work() as uow:
        await uow.batches.close(batch_id, cancelled=False, error=error, may_stop=True)
        batch = await uow.batches.get(batch_id)
    assert (batch.status, batch.error_type) == (status, error[0])
    assert await open_batch(database, limit=2, run="run-2") == (batch_id, True)  # either may be started again
