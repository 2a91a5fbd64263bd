"""Base class of workflows that run articles.

A batch is one, and a shard of a large batch. Asked to hand over, it starts nothing more and leaves the articles that
run to themselves; the batch's next run joins them (docs/decisions/0023).
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from datetime import UTC, datetime
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
    from src.domain.colour import Colour
    from src.domain.deployment import colour_for
    from src.domain.errors import HALTING, ArticleEnded
    from src.domain.stage_failure import Verdict

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.batches import BatchActivities
    from ..messages import ArticleOutcome, EndedArticle, RecordedFailure, RecordFailure, Route, Shard

from .article import ArticleWorkflow
from .breaker import Breaker
from .failure import cause_of
from .hold import HoldableParent, LeftToOthersError
from .joined import JoinedArticles, runs_again
from .window import run_windowed

ArticleHandle: TypeAlias = "workflow.ChildWorkflowHandle[ArticleWorkflow, ArticleOutcome]"
_ROUTES = 5  # the generation since which an article's colour is asked for, and what runs elsewhere is joined
_JOINS = 2  # the generation since which articles of another run are joined
_HALTING = {error.__name__ for error in HALTING}  # until generation 1; then the failure itself says so


class ArticleParent(HoldableParent):
    """A workflow that runs ranges of a batch's articles."""

    def __init__(self) -> None:
        super().__init__()
        self._stop: Failure | None = None  # of another shard of the batch
        self._breaker = Breaker()
        self._joined = JoinedArticles()
        self._route: Route | None = None
        self._takes_up = True  # what the run before cancelled

    async def run_range(self, shard: Shard) -> Failure | None:
        """Run the range's unfinished articles.

        Return the failure that stopped new ones from starting, or None.
        """
        if self._generation < _JOINS:
            return await self._run_listed(shard)
        opened = await workflow.execute_local_activity_method(
            BatchActivities.open_shard, shard, summary="which articles are still to be made?", **policies.DATABASE
        )
        self.take_route(opened.route)
        self._takes_up = shard.takes_up
        trial, ended = shard.trial, 0

        async def make(article: ArticleRef) -> Failure | None:
            nonlocal trial, ended
            try:
                end = await self._make(article, priority=shard.priority)
            except LeftToOthersError:
                return None
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
            passes_on=self.passes_on,
        )
        has_rest = ended < len(opened.articles) or shard.most is not None
        return stop if has_rest or _is_halt(stop) else None

    @workflow.signal(description="Start a share of the articles on another colour, or none.")
    def route(self, request: Route) -> None:
        """Start the articles that are still to start as it says."""
        self.take_route(request)

    def take_route(self, route: Route | None) -> None:
        """Keep the route if it was decided later than the known one."""
        if route is None or (self._route and _decided(route) < _decided(self._route)):
            return
        self._route = route

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
            await self._stop_or_leave(article)
            try:
                ended: EndedArticle | None = await self._run_article(article, priority=priority)
                if ended and not _had_ended(ended):
                    return ended
            except WorkflowAlreadyStartedError:
                ended = await self._join(article)
            if ended is None:
                continue
            if ended.status is not ArticleStatus.CANCELLED or is_taken_up or not self._takes_up:
                return ended
            if not await _take_up(article):
                return ended
            is_taken_up = True

    async def _stop_or_leave(self, article: ArticleRef) -> None:
        """Raise what ends this when it is cancelled or passes on."""
        if workflow.cancellation_reason() is not None:
            await self._joined.cancel(article)
            raise asyncio.CancelledError
        if self.passes_on():
            raise LeftToOthersError

    async def cancel_joined(self, article: ArticleRef) -> None:
        """Stop an article of another run, and wait for its end."""
        await self._joined.cancel(article)

    async def _join(self, article: ArticleRef) -> EndedArticle | None:
        until = self.passes_on if self._generation >= _ROUTES else None
        return await self._joined.wait(article, until=until)

    def _colour_of(self, article: ArticleRef) -> Colour:
        home = ids.colour_of(workflow.info().task_queue)
        if self._generation < _ROUTES or self._route is None:
            return home
        return colour_for(article.article_id, home=home, canary=self._route.canary)

    async def _run_article(self, article: ArticleRef, *, priority: int | None) -> EndedArticle | None:
        """Run the article as a child.

        None: another run of it was left, or has to be started. Raises WorkflowAlreadyStartedError.
        """
        try:
            starting = _start_article(article, colour=self._colour_of(article), priority=priority)
            outcome = await self.run_child(starting, is_left=True)
        except asyncio.CancelledError:  # it came while the child was being started: nobody waits for that one
            await self._joined.cancel(article)
            raise
        except ChildWorkflowError as error:
            if not is_cancelled_exception(error):
                if self._generation >= _ROUTES and await runs_again(article, error, self._hold):
                    return await self._join(article)
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
            failure = await _outcome(
                article,
                self.run_child(_start_article(article, colour=self._colour_of(article), priority=shard.priority)),
            )
            ended += 1
            self.show_progress(f"{ended} of {len(articles)} articles ended")
            return failure

        return await run_windowed(articles, make, at_once=lambda: shard.window, may_start=self.may_start)


def _is_halt(stop: Failure | None) -> bool:
    return isinstance(stop, RecordedFailure) and stop.verdict is Verdict.HALT


def _decided(route: Route) -> datetime:
    return route.decided_at or datetime.min.replace(tzinfo=UTC)


def _start_article(article: ArticleRef, *, colour: Colour, priority: int | None) -> Coroutine[Any, Any, ArticleHandle]:
    return workflow.start_child_workflow(
        ArticleWorkflow.run,
        article,
        id=ids.article(article.article_id),
        task_queue=ids.task_queue(colour),
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
