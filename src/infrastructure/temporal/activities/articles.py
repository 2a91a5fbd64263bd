"""Store how an article ended.

Its page, its failure, or that a person stopped it.
"""

import hashlib
from datetime import timedelta
from typing import Protocol

import structlog
from temporalio import activity

from src.domain.article import ArticleRef, ArticleStatus, Failure
from src.domain.colour import Colour
from src.domain.errors import ArticleEnded, EngineUnavailable, ModelRefused, OutputRejected, OutputTruncated
from src.domain.ids import ArticleId
from src.domain.probe import PROBE_SITE
from src.domain.stage_failure import verdict_on
from src.infrastructure.database.machine_texts import read_machine_text, store_machine_text
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.rendering import page

from .. import ids
from ..messages import ArticleOutcome, RecordedFailure, RecordFailure

log = structlog.get_logger()

_REJECTED_FOR_GOOD = {error.__name__ for error in (OutputRejected, OutputTruncated, ModelRefused)}


class Reviews(Protocol):
    """Reviews of texts, which are workflows."""

    async def begin_review(
        self, article_id: ArticleId, *, site: str, keyword: str, colour: Colour, remind_after: timedelta
    ) -> None:
        """Start the review of a text, unless it runs. Raises EngineUnavailable."""


class ArticleActivities:
    """Stores how an article ended, each in its own transaction."""

    def __init__(self, database: Database, reviews: Reviews) -> None:
        self._database = database
        self._reviews = reviews

    @activity.defn
    async def save_article(self, article: ArticleRef) -> ArticleOutcome:
        """Store the stages' text as a revision, its findings and its page.

        The article now needs a review, which begins. All of it is one transaction, and storing it again changes
        nothing.
        """

        async def work(uow: UnitOfWork) -> tuple[ArticleOutcome, Colour, timedelta]:
            text = await read_machine_text(uow, article.article_id, article.revision)
            content = text.content
            if await uow.articles.lock_to_save(article.article_id):
                content = (await store_machine_text(uow, article.article_id, text)).content
            html = page.preview(content, text.made_at)
            content_hash = hashlib.sha256(html.encode()).hexdigest()
            await uow.articles.save(
                article.article_id,
                html=html,
                content_hash=content_hash,
                words=text.words,
                offline=content.offline,
                colour=_own_colour(),
            )
            await uow.batches.follow_article(article.article_id)
            outcome = ArticleOutcome(
                article_id=article.article_id,
                status=ArticleStatus.NEEDS_REVIEW,
                content_hash=content_hash,
                words=text.words,
            )
            return outcome, (await uow.routing.read()).active, text.site.review.reminder

        outcome, colour, remind_after = await self._database.run_in_transaction(work)
        await self._begin_review(article, colour, remind_after)
        return outcome

    async def _begin_review(self, article: ArticleRef, colour: Colour, remind_after: timedelta) -> None:
        """Begin the article's review; the watchdog does where this is cut short."""
        if article.site == PROBE_SITE:
            return  # nobody is to see it
        try:
            await self._reviews.begin_review(
                article.article_id,
                site=article.site,
                keyword=article.keyword,
                colour=colour,
                remind_after=remind_after,
            )
        except EngineUnavailable as error:
            log.info("review_left_to_the_watchdog", article=str(article.article_id), error=error.message)

    @activity.defn
    async def record_failure(self, request: RecordFailure) -> RecordedFailure:
        """Store where and why the article stopped, with its attempts.

        Return what that means for its batch as well. Answers that were rejected for good are not used again, so that a
        retry calls the model again. An article that was ended meanwhile has not failed: if another batch took it up by
        now, it is cancelled, and its longtail ready.
        """
        article, failure = request.article, request.failure

        async def work(uow: UnitOfWork) -> RecordedFailure:
            known = failure
            if failure.stage and failure.attempts == 0:
                made = await uow.model_calls.count_attempts(article.article_id, article.revision, failure.stage)
                known = failure.model_copy(update={"attempts": made})
            if failure.stage and failure.error_type in _REJECTED_FOR_GOOD:
                await uow.model_calls.discard(article.article_id, article.revision, failure.stage)
            await uow.model_calls.write_off(article.article_id)
            if failure.error_type == ArticleEnded.__name__:
                await uow.articles.cancel_gone([article.article_id])  # no other workflow could start beside this one
                return recorded(known)
            await uow.articles.fail(article.article_id, known, colour=_own_colour())
            await uow.batches.follow_article(article.article_id)
            return recorded(known)

        return await self._database.run_in_transaction(work)

    @activity.defn
    async def record_cancellation(self, article: ArticleRef) -> None:
        """Note that a person stopped the article; its longtail is ready again."""

        async def work(uow: UnitOfWork) -> None:
            await uow.model_calls.write_off(article.article_id)
            await uow.articles.cancel(article.article_id)

        await self._database.run_in_transaction(work)


def _own_colour() -> Colour | None:
    """Return the colour of this worker, None outside one."""
    return ids.colour_of(activity.info().task_queue) if activity.in_activity() else None


def recorded(failure: Failure) -> RecordedFailure:
    """Return the failure with what it means for the batch."""
    return RecordedFailure(**failure.model_dump(), verdict=verdict_on(failure.error_type))
