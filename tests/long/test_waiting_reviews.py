"""A thousand reviews wait: no open activity, no memory; decisions on them are taken up by a worker that forgot them."""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median

from temporalio.client import Client, WorkflowExecutionStatus

from src.application.reviews import list_reviews
from src.bootstrap import Application
from src.domain.colour import BLUE
from src.domain.ids import ArticleId
from src.domain.review import Verdict
from src.infrastructure.database.reviews import QueuedReview
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from tests.applications import ANNA
from tests.eventually import eventually
from tests.finished_articles import SITE, finished_articles, save
from tests.story.conftest import Longtail, Running

REVIEWS = 1000
DECISIONS = 20
WARM = 200  # reviews that fill the worker's memory before it is measured


async def test_a_thousand_reviews_wait_for_nothing(
    application: Application,
    database: Database,
    client: Client,
    longtail: Longtail,
    record_property: Callable[[str, object], None],
) -> None:
    refs = await finished_articles(database, REVIEWS)
    for ref in refs:
        await save(database, ref)
    with longtail.start("worker", "--colour", BLUE) as worker:

        async def begin(some: list[ArticleId]) -> None:
            for article_id in some:
                await application.workflows.begin_review(
                    article_id, site=SITE, keyword="a keyword", colour=BLUE, remind_after=timedelta(hours=24)
                )
            await eventually(lambda: all_wait(client, some), within=600)

        article_ids = [ref.article_id for ref in refs]
        await begin(article_ids[:WARM])  # more than the worker keeps
        before = resident(worker)
        await begin(article_ids[WARM:])
        after = resident(worker)
        waiting = await list_reviews(database, by=ANNA, site=SITE, limit=REVIEWS)
        assert len(waiting) == REVIEWS
        took = [await taken_up(application, each) for each in waiting[:DECISIONS]]  # the first ones are forgotten
    record_property("resident_mb", (round(before), round(after)))
    record_property("taken_up_seconds", (round(median(took), 3), round(max(took), 3)))
    print(f"{before:.0f} MB, then {after:.0f} MB; taken up in {median(took):.3f} s, at most {max(took):.3f}")  # noqa: T201
    assert after < 1.1 * before


async def all_wait(client: Client, article_ids: list[ArticleId]) -> bool:
    """Return whether each runs, and has nothing open."""
    slots = asyncio.Semaphore(16)

    async def waits(article_id: ArticleId) -> bool:
        async with slots:
            described = await client.get_workflow_handle(ids.review(article_id)).describe()
        raw = described.raw_description
        assert not raw.pending_activities
        return described.status is WorkflowExecutionStatus.RUNNING and not raw.HasField("pending_workflow_task")

    return all(await asyncio.gather(*map(waits, article_ids)))


async def taken_up(application: Application, review: QueuedReview) -> float:
    """Decide, and return after how many seconds the workflow had read it."""
    acting = application.acting_as(ANNA)
    await acting.decisions.decide(review.article_id, Verdict.approve(), expected=review.content_hash)
    decided = time.monotonic()

    async def is_taken_up() -> bool:
        async with application.database.unit_of_work() as uow:
            (decision,) = await uow.decisions.list_for_article(review.article_id)
        return decision.taken_up_at is not None

    await eventually(is_taken_up)
    return time.monotonic() - decided


def resident(worker: Running) -> float:
    """Return the memory of the process in MB."""
    pages = int(Path(f"/proc/{worker.process.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
