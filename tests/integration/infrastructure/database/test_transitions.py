"""The named changes of an article, from every status: each happens exactly where the table allows it."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import update

from src.domain.article import ArticleStatus, Failure
from src.domain.batch import BatchStatus
from src.domain.errors import Conflict
from src.domain.ids import ArticleId
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.infrastructure.database.model_calls import CallRequest
from src.infrastructure.database.tables import ArticleRow, BatchArticleRow, LongtailRow
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from tests.factories import a_site, longtails, open_batch

Change = Callable[[UnitOfWork, ArticleId], Awaitable[object]]


async def save(uow: UnitOfWork, article_id: ArticleId) -> None:
    await uow.articles.save(article_id, html="<p>", content_hash="0", words=1, offline=True)


async def fail(uow: UnitOfWork, article_id: ArticleId) -> None:
    failure = Failure(stage=Stage.OUTLINE, error_type="OutputRejected", message="no h1", attempts=1)
    await uow.articles.fail(article_id, failure)


async def cancel(uow: UnitOfWork, article_id: ArticleId) -> None:
    await uow.articles.cancel(article_id)


async def open_call(uow: UnitOfWork, article_id: ArticleId) -> None:
    request = CallRequest(
        article_id=article_id,
        revision=1,
        stage=Stage.OUTLINE,
        prompt="outline@1",
        prompt_hash="0",
        question="0",
        round=0,
        attempt=1,
        provider="offline",
        model="offline",
        worker="blue@here",
    )
    await uow.model_calls.find_or_open(request)


@pytest.mark.parametrize("before", ArticleStatus)
@pytest.mark.parametrize(
    ("change", "target", "longtail"),
    [
        (save, ArticleStatus.NEEDS_REVIEW, LongtailStatus.WRITTEN),
        (fail, ArticleStatus.FAILED, LongtailStatus.FAILED),
        (cancel, ArticleStatus.CANCELLED, LongtailStatus.READY),
        (open_call, ArticleStatus.GENERATING, LongtailStatus.CLAIMED),
    ],
)
async def test_a_change_happens_where_the_table_allows_it(
    database: Database, before: ArticleStatus, change: Change, target: ArticleStatus, longtail: LongtailStatus
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    await open_batch(database, limit=1)
    async with database.engine.begin() as connection:
        await connection.execute(update(ArticleRow).values(status=before))
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
        await change(uow, article.id)
    async with database.unit_of_work() as uow:
        (after,) = await uow.articles.list_all()
        counts = await uow.longtails.count_by_status("hardware-shop")
    allowed = before.may_become(target) and not before.is_decided
    assert after.status is (target if allowed else before)
    assert counts[longtail if allowed else LongtailStatus.CLAIMED] == 1


@pytest.mark.parametrize("before", ArticleStatus)
@pytest.mark.parametrize("target", [s for s in ArticleStatus if s.is_complete])
async def test_a_decision_is_made_where_the_table_allows_it(
    database: Database, before: ArticleStatus, target: ArticleStatus
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database, limit=1)
    async with database.engine.begin() as connection:
        await connection.execute(update(ArticleRow).values(status=before))
        await connection.execute(update(BatchArticleRow).values(outcome=ArticleStatus.NEEDS_REVIEW))
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
        keyword = target.keyword_statuses[-1]
        done = await uow.articles.decide(article.id, target, keyword=keyword)
    async with database.unit_of_work() as uow:
        after = await uow.articles.get_status(article.id)
        counts = await uow.longtails.count_by_status("hardware-shop")
        batch = await uow.batches.get(batch_id)
    assert done == (before is not target and before.is_complete and before.may_become(target))
    assert after is (target if done else before)
    assert counts[keyword if done else LongtailStatus.CLAIMED] == 1
    assert batch.needs_review == 1


@pytest.mark.parametrize("before", [s for s in ArticleStatus if s.is_decided])
async def test_what_a_review_sends_back_stays_finished_in_its_batch(database: Database, before: ArticleStatus) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all()
        await save(uow, article.id)
        await uow.batches.close(batch_id, cancelled=False, error=None)
    async with database.engine.begin() as connection:
        await connection.execute(update(ArticleRow).values(status=before))
    async with database.unit_of_work() as uow:
        if not before.may_become(ArticleStatus.QUEUED):
            with pytest.raises(Conflict, match="is not made again"):
                await uow.articles.prepare_retry(article.id, from_stage=Stage.ARTICLE)
            return
        with pytest.raises(Conflict, match="is complete"):
            await uow.articles.prepare_retry(article.id, from_stage=None)
        await uow.articles.prepare_retry(article.id, from_stage=Stage.ARTICLE)
        await fail(uow, article.id)
        await uow.batches.follow_article(article.id)
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
        assert (batch.status, batch.needs_review, batch.failed) == (BatchStatus.COMPLETED, 1, 0)
        assert await uow.articles.get_status(article.id) is ArticleStatus.FAILED


async def test_a_late_end_leaves_the_longtail_to_its_new_article(database: Database) -> None:
    """A cancelled article whose workflow ends after all must not touch a longtail that was claimed again."""
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(1), source="test")
    batch_id, _ = await open_batch(database, limit=1)
    async with database.unit_of_work() as uow:
        await uow.batches.close(batch_id, cancelled=True, error=None)
        (article,) = await uow.articles.list_all()
    async with database.engine.begin() as connection:
        await connection.execute(update(LongtailRow).values(status=LongtailStatus.CLAIMED))
    async with database.unit_of_work() as uow:
        await save(uow, article.id)
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status("hardware-shop"))[LongtailStatus.CLAIMED] == 1
        assert (await uow.articles.get(article.id)).status is ArticleStatus.CANCELLED
