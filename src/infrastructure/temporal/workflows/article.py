"""The workflow of one article.

Stages A, B, C and D, from keyword to review.

Each stage is an activity whose id is the stage. A failure is committed, then raised.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    RetryState,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, ArticleStatus, Failure
    from src.domain.colour import Colour
    from src.domain.hold import HoldDepth
    from src.domain.stages import STAGES, Artefact, Stage

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.stages import StageActivities
    from ..messages import (
        AnalyseKeyword,
        ArticleOutcome,
        ContinuedArticle,
        DescribeArticle,
        HandOver,
        PlanOutline,
        RecordFailure,
        ReviewInput,
        WriteArticle,
    )

from .failure import cause_of
from .generation import first_generation
from .hold import HoldableWorkflow
from .uninterrupted import uninterrupted

A = TypeVar("A", bound=Artefact)

_RECORDS_DEFECTS = 2  # the generation since which an error of the workflow itself is recorded
_STARTS_REVIEWS = 3  # the generation whose finished articles start their reviews; later ones leave it to what saves
OPENING_WORDS = 150  # what stage D reads of the article
OPENING_CHARACTERS = 1500  # the same, in scripts without spaces


@workflow.defn
class ArticleWorkflow(HoldableWorkflow):
    """Writes one article.

    Run again under the same id it resumes: finished stages return their stored output.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0
        self._stage: Stage | None = None
        self._begun = False  # True once a stage was scheduled: a hold on new articles no longer applies
        self._call: workflow.ActivityHandle[Any] | None = None  # of the stage that runs
        self._call_held = False  # the call was cancelled by a hold, and not with the article
        self._next: Colour | None = None  # that goes on with the next stage

    @workflow.signal(description="Go on with the workers of this colour, from the next stage.")
    def hand_over(self, request: HandOver) -> None:
        """Go on with workers of another colour once no call runs."""
        self._next = request.colour

    @workflow.run
    async def run(self, begun: ContinuedArticle | ArticleRef) -> ArticleOutcome:
        """Return the stored article.

        Fails with the error type of the stage that failed, after that failure was committed.
        """
        self._generation = first_generation()
        if not isinstance(begun, ContinuedArticle):
            return await self._run(begun)
        self._begun = begun.has_begun
        self.update_hold(begun.hold)
        return await self._run(begun.article)

    async def _run(self, article: ArticleRef) -> ArticleOutcome:
        try:
            await self._generate(article)
            outcome = await workflow.execute_local_activity_method(
                ArticleActivities.save_article, article, summary="store the page", **policies.DATABASE
            )
        except (FailureError, asyncio.CancelledError) as error:  # a local activity's failure is no ActivityError
            if is_cancelled_exception(error):
                await self._record_cancellation(article)
                raise
            if self._generation >= _RECORDS_DEFECTS and _was_being_cancelled(error):
                await self._record_cancellation(article)
                raise asyncio.CancelledError from error
            await self._raise_failure(article, error)
            raise AssertionError("unreachable: _raise_failure raises") from error
        except workflow.NondeterminismError:
            raise  # the run waits for a worker that can replay it
        except Exception as error:  # the edge of a workflow: a defect is on record before it is raised
            if self._generation >= _RECORDS_DEFECTS:
                await self._raise_failure(article, error)
            raise
        self._show_outcome("needs_review")
        if self._generation == _STARTS_REVIEWS:
            await _begin_review(article)
        return outcome

    async def _generate(self, article: ArticleRef) -> None:
        analysis = await self._run_stage(
            article,
            Stage.KEYWORD_ANALYSIS,
            "reading the keyword",
            lambda: workflow.start_activity_method(
                StageActivities.analyse_keyword,
                AnalyseKeyword(article=article),
                activity_id=Stage.KEYWORD_ANALYSIS,
                summary=f"keyword analysis: {article.keyword}",
                **policies.MODEL_STAGE,
            ),
        )
        outline = await self._run_stage(
            article,
            Stage.OUTLINE,
            "planning",
            lambda: workflow.start_activity_method(
                StageActivities.plan_outline,
                PlanOutline(article=article, analysis=analysis),
                activity_id=Stage.OUTLINE,
                summary=f"outline: {article.keyword}",
                **policies.MODEL_STAGE,
            ),
        )
        draft = await self._run_stage(
            article,
            Stage.ARTICLE,
            "writing",
            lambda: workflow.start_activity_method(
                StageActivities.write_article,
                WriteArticle(article=article, outline=outline),
                activity_id=Stage.ARTICLE,
                summary=f"article: {outline.h1}",
                **policies.MODEL_STAGE,
            ),
        )
        await self._run_stage(
            article,
            Stage.SEO_METADATA,
            "describing",
            lambda: workflow.start_activity_method(
                StageActivities.describe_article,
                DescribeArticle(article=article, outline=outline, opening=_opening(draft.markdown)),
                activity_id=Stage.SEO_METADATA,
                summary=f"SEO metadata: {outline.h1}",
                **policies.MODEL_STAGE,
            ),
        )

    async def _run_stage(
        self, article: ArticleRef, stage: Stage, progress: str, start: Callable[[], workflow.ActivityHandle[A]]
    ) -> A:
        """Run a stage and return its output.

        After a hold cancelled its call, repeat it on release. Before it the article may go on elsewhere.
        """
        while True:
            _stop_if_cancelled()
            self._hand_over_if_asked(article)
            if self._is_held():
                self.show_progress(f"waiting before stage {stage}")
                await workflow.wait_condition(lambda: not self._is_held() or self._next is not None)
                if self._next is not None:
                    continue
            self._begun = True
            self._enter(stage, progress)
            self._call, self._call_held = start(), False
            try:
                return await self._call
            except (ActivityError, asyncio.CancelledError) as error:
                if not self._call_held or not _is_held_call(error):
                    raise
            finally:
                self._call = None

    def _hand_over_if_asked(self, article: ArticleRef) -> None:
        """Continue as new on the other colour's queue.

        Finished stages return their stored output there.
        """
        colour, self._next = self._next, None
        if colour is None or ids.task_queue(colour) == workflow.info().task_queue:
            return
        _stop_if_cancelled()
        workflow.continue_as_new(
            ContinuedArticle(**article.model_dump(), hold=self._hold, has_begun=self._begun),
            task_queue=ids.task_queue(colour),
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(sa.SITE, article.site), SearchAttributePair(sa.COLOUR, colour)]
            ),
        )

    def _is_held(self) -> bool:
        return self._hold.stops(HoldDepth.STAGES if self._begun else HoldDepth.ARTICLES)

    async def on_hold_changed(self) -> None:
        """Cancel the running model call if the hold includes calls."""
        if self._call is not None and self._hold.stops(HoldDepth.CALLS):
            self._call_held = True
            self._call.cancel()

    def _enter(self, stage: Stage, progress: str) -> None:
        self._stage = stage
        if self._generation == 0:
            workflow.upsert_search_attributes([sa.STAGE.value_set(stage)])
        self.show_progress(f"{stage}: {progress}, {STAGES.index(stage) + 1} of {len(STAGES)}")

    def _show_outcome(self, outcome: str) -> None:
        workflow.upsert_search_attributes([sa.OUTCOME.value_set(outcome)])
        workflow.set_current_details(f"ended: {outcome.replace('_', ' ')}")

    async def _record_cancellation(self, article: ArticleRef) -> None:
        await uninterrupted(
            workflow.execute_local_activity_method(
                ArticleActivities.record_cancellation, article, summary="record the cancellation", **policies.DATABASE
            )
        )
        self._show_outcome("cancelled")

    async def _raise_failure(self, article: ArticleRef, error: BaseException) -> None:
        error_type, message, attempts = cause_of(error)
        failure = Failure(stage=self._stage, error_type=error_type, message=message, attempts=attempts)
        failure = await uninterrupted(
            workflow.execute_local_activity_method(
                ArticleActivities.record_failure,
                RecordFailure(article=article, failure=failure),
                summary=f"record the failure at stage {self._stage}",
                **policies.DATABASE,
            )
        )
        self._show_outcome("failed")
        raise ApplicationError(
            f"stage {failure.stage} gave up after {failure.attempts} attempt(s): {failure.message}",
            failure,
            type=failure.error_type,
            non_retryable=True,
        ) from error


async def _begin_review(article: ArticleRef) -> None:
    """Start the article's review, or wake the one that runs.

    The watchdog does where this is cut short.
    """
    review, parent = ids.review(article.article_id), workflow.info().parent
    if parent is not None and parent.workflow_id == review:
        return  # it waits for this article
    colour = ids.colour_of(workflow.info().task_queue)
    try:
        await workflow.start_child_workflow(
            ids.REVIEW_WORKFLOW,
            ReviewInput(article_id=article.article_id, site=article.site, keyword=article.keyword),
            id=review,
            static_summary=article.keyword,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(sa.SITE, article.site),
                    SearchAttributePair(sa.COLOUR, colour),
                    SearchAttributePair(sa.REVIEW_STATE, ArticleStatus.NEEDS_REVIEW),
                ]
            ),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,  # it waits for days
        )
    except WorkflowAlreadyStartedError:
        with suppress(FailureError):  # it ended meanwhile
            await workflow.get_external_workflow_handle(review).signal("text_is_ready")
    except asyncio.CancelledError:
        workflow.logger.info("review_left_to_the_watchdog", extra={"article": str(article.article_id)})


def _stop_if_cancelled() -> None:
    """Raise the cancellation that arrived while a call still ended with success."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def _is_held_call(error: BaseException) -> bool:
    """Return whether a call that a hold cancelled ended by that.

    It may as well have failed permanently, or been cancelled together with the article.
    """
    if workflow.cancellation_reason() is not None:
        return False
    return is_cancelled_exception(error) or _was_cut_off(error)


def _was_being_cancelled(error: BaseException) -> bool:
    """Return whether only a cancellation kept a call from another attempt.

    Such is the failure of a call whose worker died before it heard of the cancellation.
    """
    return workflow.cancellation_reason() is not None and _was_cut_off(error)


def _was_cut_off(error: BaseException) -> bool:
    if not isinstance(error, ActivityError) or error.retry_state is not RetryState.CANCEL_REQUESTED:
        return False
    return not (isinstance(error.cause, ApplicationError) and error.cause.non_retryable)


def _opening(markdown: str) -> str:
    return " ".join(markdown.split()[:OPENING_WORDS])[:OPENING_CHARACTERS]
