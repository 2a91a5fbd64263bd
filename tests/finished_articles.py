"""Articles whose four stages are done, without a workflow."""

from typing import Any

from src.domain.article import ArticleRef
from src.domain.ids import ArticleId
from src.domain.stages import STAGES
from src.infrastructure.database.stage_outputs import StageResult
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal.activities.articles import ArticleActivities

from .answers import artefacts, short_site
from .factories import longtails, open_batch

SITE = "hardware-shop"


class NoReviews:
    """A Temporal on which no review begins."""

    async def begin_review(self, article_id: ArticleId, **_: Any) -> None:
        """Leave it to the watchdog."""


def article_activities(database: Database) -> ArticleActivities:
    """Return the activities as a worker has them, without Temporal."""
    return ArticleActivities(database, NoReviews())


async def finished_articles(database: Database, count: int = 1) -> list[ArticleRef]:
    """Return articles whose stages are done, to be saved; all propose the same slug."""
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(short_site())
        await uow.longtails.add(SITE, longtails(count), source="test")
    batch_id, _ = await open_batch(database, limit=count)
    async with database.unit_of_work() as uow:
        refs = await uow.articles.list_unfinished(batch_id, first=0, end=count)
    for ref in refs:
        await store_outputs(database, ref)
    return refs


async def store_outputs(database: Database, ref: ArticleRef, **changes: Any) -> None:
    async with database.unit_of_work() as uow:
        for stage, artefact in zip(STAGES, artefacts(), strict=True):
            changed = artefact.model_copy(update={k: v for k, v in changes.items() if k in type(artefact).model_fields})
            result = StageResult(
                artefact=changed.model_dump(mode="json"),
                idempotency_key="k",
                prompt="p",
                prompt_hash="h",
                provider="openai",
                model="m",
            )
            await uow.stage_outputs.insert_if_absent(ref.article_id, ref.revision, stage, result)


async def save(database: Database, ref: ArticleRef) -> str:
    return (await article_activities(database).save_article(ref)).content_hash
