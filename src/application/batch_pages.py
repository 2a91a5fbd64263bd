"""Shows a batch to who follows it; retries its failed articles."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from src.domain.errors import Hint, InputInvalid, LongtailError, NotFound
from src.domain.hold import Hold
from src.domain.ids import ArticleId, BatchId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.rate_limit import ModelWait
from src.domain.usage import Spend
from src.infrastructure.database.batch_progress import BatchArticle, BatchProgress, Shown
from src.infrastructure.database.unit_of_work import Database

from .articles import Articles

PAGE = 50
_MOST_RETRIED = 1_000  # each is a request to Temporal of a few milliseconds


class BatchPage(BaseModel):
    """A batch with a page of its articles.

    Attributes:
        following: the position that the next page begins with; None: there is none.
        holds: those that it waits for; none once it ended.
        waits: models that articles of the page wait for.
    """

    model_config = ConfigDict(frozen=True)

    progress: BatchProgress
    zone: str
    site_name: str
    spend: Spend
    counts: dict[Shown, int]
    articles: list[BatchArticle]
    following: int | None
    holds: list[Hold]
    waits: list[ModelWait]


class Retried(BaseModel):
    """What came of starting failed articles again."""

    model_config = ConfigDict(frozen=True)

    started: int
    refused: list[str]  # why, one line for each that was not


async def read_batch_page(
    database: Database, batch_id: BatchId, *, by: Principal, shown: Shown = Shown.ALL, first: int = 0
) -> BatchPage:
    """Return the batch and its articles from a position on.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        progress = await uow.batch_progress.find(batch_id)
        if progress is None:
            raise NotFound("batch", batch_id, hint=Hint.LIST_BATCHES)
        batch = progress.batch
        by.require(Action.SITE_READ, batch.site)
        site = await uow.sites.get(batch.site)
        desired = await uow.schedules.find(batch.site)
        articles = await uow.batch_progress.list_articles(batch_id, shown, first=first, limit=PAGE + 1)
        is_running = batch.closed_at is None
        at_work = [article.id for article in articles if article.finished_at is None]
        return BatchPage(
            progress=progress,
            zone=desired.schedule.time_zone if desired else site.time_zone,
            site_name=site.name,
            spend=await uow.model_calls.sum_usage(batch_id=batch_id),
            counts=await uow.batch_progress.count_shown(batch_id),
            articles=articles[:PAGE],
            following=articles[PAGE].position if len(articles) > PAGE else None,
            holds=await uow.holds.list_current(batch.site) if is_running else [],
            waits=await uow.provider_limits.list_waits((), at_work) if at_work else [],
        )


async def retry_failed(
    database: Database, articles: Articles, batch_id: BatchId, *, expected: int, by: Principal
) -> Retried:
    """Start every failed article of the batch again.

    There have to be as many as expected. Raises NotFound, NotPermitted, and InputInvalid for another count.
    """
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
        by.require(Action.ARTICLE_RETRY, batch.site)
        failed = await uow.batch_progress.list_failed(batch_id, limit=_MOST_RETRIED)
    if len(failed) != expected:
        problem = f"{len(failed)} articles have failed by now; look again and type that number"
        raise InputInvalid("count", expected, problem, reason="changed")
    return await _retry(articles, failed)


async def _retry(articles: Articles, failed: Sequence[ArticleId]) -> Retried:
    started, refused = 0, []
    for article_id in failed:
        try:
            await articles.retry(article_id)
            started += 1
        except LongtailError as error:  # one article's trouble keeps no other
            refused.append(error.message)
    return Retried(started=started, refused=refused)
