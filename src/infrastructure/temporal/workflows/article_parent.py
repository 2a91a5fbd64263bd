"""Base class of workflows that run articles.

A batch is one, and a shard of a large batch.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeAlias

from temporalio import workflow
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, ArticleStatus, Failure
    from src.domain.errors import HALTING, ArticleEnded
    from src.domain.stage_failure import Verdict

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.batches import BatchActivities
    from ..messages import ArticleOutcome, EndedArticle, RecordedFailure, RecordFailure, Shard

from .article import ArticleWorkflow
from .breaker import Breaker
from .failure import cause_of
from .hold import HoldableParent
from .joined import JoinedArticles
from .window import run_windowed

ArticleHandle: TypeAlias = "workflow.ChildWorkflowHandle[ArticleWorkflow, ArticleOutcome]"
_JOINS = 2  # the generation since which articles of another run are joined
_HALTING = {error.__name__ for error in HALTING}  # until generation 1; then the failure itself says so


class ArticleParent(HoldableParent):
    """A workflow that runs ranges of a batch's articles."""

    def __init__(self) -> None:
        super().__init__()
        self._stop: Failure | None = None  # of another shard of the batch
        self._breaker = Breaker()
        self._joined = JoinedArticles()

    async def run_range(self, shard: Shard) -> Failure | None:
        """Run the range's unfinished articles.

        Return the failure that stopped new ones from starting, or None.
        """
        if self._generation < _JOINS:
            return await self._run_listed(shard)
        opened = await workflow.execute_local_activity_method(
            BatchActivities.open_shard, shard, summary="which articles are still to be made?", **policies.DATABASE
        )
        trial, ended = shard.trial, 0

        async def make(article: ArticleRef) -> Failure | None:
            nonlocal trial, ended
            end = await self._make(article, priority=shard.priority)
            stop = self._breaker.judge(end, alike=opened.alike)
            if trial and end.status is ArticleStatus.NEEDS_REVIEW:
                trial = await self._find_trial(trial, article.site)
            ended += 1
            self.show_progress(f"{ended} of {len(opened.articles)} articles ended")
            return stop

        stop = await run_windowed(
            opened.articles,
            make,
            at_once=lambda: min(trial or opened.window, opened.window),
            may_start=self.may_start,
            stopped=lambda: self._stop,
        )
        has_rest = ended < len(opened.articles) or shard.most is not None
        return stop if has_rest or _is_halt(stop) else None

    async def _find_trial(self, trial: int, site: str) -> int | None:
        """Return the trial after a success; None once it has passed."""
        if self._breaker.successes >= trial:
            return None
        return await workflow.execute_local_activity_method(
            BatchActivities.find_trial, site, summary="has every model answered?", **policies.DATABASE
        )

    async def _make(self, article: ArticleRef, *, priority: int | None) -> EndedArticle:
        """Run the article, or join the run that it has.

        One that was cancelled with the batch or shard of that run is taken up again, once. A workflow that is being
        cancelled starts none: its awaiting of a shard that is terminated in that moment ends with the termination.
        """
        is_taken_up = False
        while True:
            if workflow.cancellation_reason() is not None:
                await self._joined.cancel(article)
                raise asyncio.CancelledError
            try:
                ended: EndedArticle | None = await self._run_article(article, priority=priority)
                if ended and not _had_ended(ended):
                    return ended
            except WorkflowAlreadyStartedError:
                ended = await self._joined.wait(article)
            if ended is None:
                continue
            if ended.status is not ArticleStatus.CANCELLED or is_taken_up or not await _take_up(article):
                return ended
            is_taken_up = True

    async def _run_article(self, article: ArticleRef, *, priority: int | None) -> EndedArticle:
        """Run the article as a child. Raises WorkflowAlreadyStartedError."""
        try:
            outcome = await self.run_child(_start_article(article, priority=priority))
        except asyncio.CancelledError:  # it came while the child was being started: nobody waits for that one
            await self._joined.cancel(article)
            raise
        except ChildWorkflowError as error:
            if not is_cancelled_exception(error):
                return await _ended_badly(article, error)
            if workflow.cancellation_reason() is not None:
                raise
            return EndedArticle(article_id=article.article_id, status=ArticleStatus.CANCELLED)
        return EndedArticle(article_id=article.article_id, status=outcome.status)

    async def _run_listed(self, shard: Shard) -> Failure | None:
        """Run a range as generations 0 and 1 do."""
        articles = await workflow.execute_local_activity_method(
            BatchActivities.list_articles, shard, summary="which articles are still to be made?", **policies.DATABASE
        )
        ended = 0

        async def make(article: ArticleRef) -> Failure | None:
            nonlocal ended
            failure = await _outcome(article, self.run_child(_start_article(article, priority=shard.priority)))
            ended += 1
            self.show_progress(f"{ended} of {len(articles)} articles ended")
            return failure

        return await run_windowed(articles, make, at_once=lambda: shard.window, may_start=self.may_start)


def _is_halt(stop: Failure | None) -> bool:
    return isinstance(stop, RecordedFailure) and stop.verdict is Verdict.HALT


def _start_article(article: ArticleRef, *, priority: int | None) -> Coroutine[Any, Any, ArticleHandle]:
    colour = ids.colour_of(workflow.info().task_queue)
    return workflow.start_child_workflow(
        ArticleWorkflow.run,
        article,
        id=ids.article(article.article_id),
        static_summary=article.keyword,
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(sa.SITE, article.site), SearchAttributePair(sa.COLOUR, colour)]
        ),
        # An article outlives a batch that was terminated: its next stage is not lost, and a retry finds it.
        parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        priority=Priority(priority_key=priority),
    )


def _had_ended(ended: EndedArticle) -> bool:
    """Return whether the article was cancelled before its workflow began."""
    return ended.failure is not None and ended.failure.error_type == ArticleEnded.__name__


async def _take_up(article: ArticleRef) -> bool:
    """Queue a cancelled article again; return whether its keyword is still free."""
    return await workflow.execute_local_activity_method(
        BatchActivities.take_up, article, summary="take up what was cancelled", **policies.DATABASE
    )


async def _ended_badly(article: ArticleRef, error: ChildWorkflowError) -> EndedArticle:
    """Return how a child ended that failed or was terminated.

    What it could not record itself is recorded here.
    """
    if not isinstance(error.cause, ApplicationError):  # terminated, for one: a person stopped it
        await workflow.execute_local_activity_method(
            ArticleActivities.record_cancellation, article, summary="record the end", **policies.DATABASE
        )
        return EndedArticle(article_id=article.article_id, status=ArticleStatus.CANCELLED)
    details = error.cause.details
    if details and isinstance(details[0], dict):
        failure = RecordedFailure.model_validate(details[0])
        if failure.error_type == ArticleEnded.__name__:
            return EndedArticle(article_id=article.article_id, status=ArticleStatus.CANCELLED, failure=failure)
    else:
        error_type, message, attempts = cause_of(error)
        failure = await workflow.execute_local_activity_method(
            ArticleActivities.record_failure,
            RecordFailure(
                article=article, failure=Failure(stage=None, error_type=error_type, message=message, attempts=attempts)
            ),
            summary="record the failure",
            **policies.DATABASE,
        )
    return EndedArticle(article_id=article.article_id, status=ArticleStatus.FAILED, failure=failure)


async def _outcome(article: ArticleRef, making: Awaitable[ArticleOutcome]) -> Failure | None:
    """Wait for an article.

    Return its failure only if all others would fail alike.
    """
    try:
        await making
    except WorkflowAlreadyStartedError:
        workflow.logger.warning("article_already_under_way", extra={"article": str(article.article_id)})
    except ChildWorkflowError as error:
        if is_cancelled_exception(error):
            raise
        error_type, message, attempts = cause_of(error)
        if error_type in _HALTING:
            return Failure(stage=None, error_type=error_type, message=message, attempts=attempts)
    return None
