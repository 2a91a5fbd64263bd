"""The workflow of a review, which waits for days.

It carries out what was decided.

The decision itself is made in the request's own transaction (``src/application/decisions.py``). A signal only wakes
this workflow, which then reads the rows: a signal that comes twice, late, or never (the watchdog repeats it) does no
harm. While it waits it holds a timer and nothing else, so it needs no worker and no memory.
"""

from datetime import timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError, ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, ArticleStatus
    from src.domain.colour import Colour
    from src.domain.hold import HoldState
    from src.domain.review import ReviewStep

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.reviews import ReviewActivities
    from ..messages import ArticleOutcome, ReviewInput

from .article import ArticleWorkflow
from .generation import first_generation
from .hold import HoldableWorkflow
from .joined import runs_again

_LEAVES_AT_ONCE = 5  # the generation since which a review goes on elsewhere whatever it waits for


@workflow.defn(name=ids.REVIEW_WORKFLOW)
class ReviewWorkflow:
    """Reviews one article, until it is decided on for good.

    Started again under the same id it goes on from the rows.
    """

    def __init__(self) -> None:
        self._generation = 0
        self._has_news = False
        self._colour: Colour | None = None  # whose queue it goes on at
        self._shown = workflow.info().typed_search_attributes.get(sa.REVIEW_STATE)

    @workflow.signal(description="A decision was made; its id. The rows say what it was.")
    def decided(self, decision_id: str) -> None:
        """Look at the rows again."""
        workflow.logger.info("decision_heard", extra={"decision": decision_id})
        self._has_news = True

    @workflow.signal(description="Another run finished the article's next text.")
    def text_is_ready(self) -> None:
        """Look at the rows again."""
        self._has_news = True

    @workflow.signal(description="Go on at the queue of this colour.")
    def hand_over(self, colour: Colour) -> None:
        """Continue as new on the other colour's queue.

        An article that it waits for runs on, and is waited for there.
        """
        self._colour = colour

    @workflow.run
    async def run(self, request: ReviewInput) -> ArticleStatus:
        """Return what the article became.

        That is approved, rejected, parked, withdrawn, or failed on its way back.
        """
        self._generation = first_generation()
        while True:
            if self._generation >= _LEAVES_AT_ONCE and self._colour is not None:
                _go_on_at(self._colour, request, ArticleStatus(self._shown or ArticleStatus.NEEDS_REVIEW))
            self._has_news = False
            step = await workflow.execute_local_activity_method(
                ReviewActivities.look_at_review, request, summary="what was decided, what is due?", **policies.DATABASE
            )
            self._show(step)
            if step.redo is not None:
                await self._redo(step.redo, step)
            elif not step.is_over:
                await self._wait(step)
            elif not self._has_news:
                return step.status
            self._begin_new_history(request, step)

    async def _wait(self, step: ReviewStep) -> None:
        """Wait for a decision, or for the reminder or the expiry."""
        longest = None
        if step.wake_at is not None:
            longest = max(step.wake_at - workflow.now(), policies.SHORTEST_WAIT)
        await self._wait_for_news(longest, "reminder or expiry")

    async def _wait_for_news(self, longest: timedelta | None, why: str) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._has_news or self._colour is not None, timeout=longest, timeout_summary=why
            )
        except TimeoutError:
            return

    async def _redo(self, article: ArticleRef, step: ReviewStep) -> None:
        """Have the article made again, and wait for its end.

        The rows say how it ended.
        """
        try:
            child = await workflow.start_child_workflow(
                ArticleWorkflow.run,
                article,
                id=ids.article(article.article_id),
                static_summary=f"{article.keyword} (changes requested)",
                search_attributes=_attributes(article.site, ids.colour_of(workflow.info().task_queue)),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                priority=Priority(priority_key=policies.REDO_PRIORITY),
            )
        except WorkflowAlreadyStartedError:
            await self._wait_for_news(policies.REDO_LOOK, "the article's own run")
            return
        try:
            if step.hold.depth:
                await child.signal(HoldableWorkflow.hold, step.hold)
            await self._wait_for_end(child)
        except ChildWorkflowError as error:
            if not isinstance(error.cause, ApplicationError):  # terminated, for one: nothing of it is recorded
                await self._record_end(article, error, step.hold)
        except FailureError:
            workflow.logger.info("article_ended_before_hold_signal", extra={"article": str(article.article_id)})

    async def _wait_for_end(self, child: workflow.ChildWorkflowHandle[ArticleWorkflow, ArticleOutcome]) -> None:
        """Wait until the article has ended, or leave it for elsewhere."""
        if self._generation >= _LEAVES_AT_ONCE:
            await workflow.wait_condition(lambda: child.done() or self._colour is not None)
            if not child.done():
                return
        await child

    async def _record_end(self, article: ArticleRef, error: ChildWorkflowError, hold: HoldState) -> None:
        if self._generation >= _LEAVES_AT_ONCE and await runs_again(article, error, hold):
            return
        await workflow.execute_local_activity_method(
            ArticleActivities.record_cancellation, article, summary="record the end", **policies.DATABASE
        )

    def _begin_new_history(self, request: ReviewInput, step: ReviewStep) -> None:
        """Continue as new for another colour, or before the history grows."""
        if self._colour is not None:
            _go_on_at(self._colour, request, step.status)
        if workflow.info().get_current_history_length() >= step.longest_history:
            workflow.continue_as_new(request)

    def _show(self, step: ReviewStep) -> None:
        status = step.status.replace("_", " ")
        until = f", until {step.wake_at:%Y-%m-%d %H:%M} UTC" if step.wake_at and not step.is_over else ""
        workflow.set_current_details(f"{status}{until}")
        if step.status != self._shown:
            workflow.upsert_search_attributes([sa.REVIEW_STATE.value_set(step.status)])
            self._shown = step.status.value


def _go_on_at(colour: Colour, request: ReviewInput, status: ArticleStatus) -> NoReturn:
    workflow.continue_as_new(
        request,
        task_queue=ids.task_queue(colour),
        search_attributes=_attributes(request.site, colour, status),
    )


def _attributes(site: str, colour: Colour, status: ArticleStatus | None = None) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[str]] = [SearchAttributePair(sa.SITE, site), SearchAttributePair(sa.COLOUR, colour)]
    if status is not None:
        pairs.append(SearchAttributePair(sa.REVIEW_STATE, status))
    return TypedSearchAttributes(pairs)
