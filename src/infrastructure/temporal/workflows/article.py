"""One article from keyword to review: A, B, C, D, each an activity of that id; a failure is committed, then raised."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, Failure
    from src.domain.hold import HoldDepth
    from src.domain.stages import STAGES, Artefact, Stage

    from .. import policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.stages import StageActivities
    from ..messages import AnalyseKeyword, ArticleOutcome, DescribeArticle, PlanOutline, RecordFailure, WriteArticle
    from .failure import cause_of
    from .hold import CanBeHeld

A = TypeVar("A", bound=Artefact)

OPENING_WORDS = 150  # what stage D reads of the article
OPENING_CHARACTERS = 1500  # the same, in scripts without spaces


@workflow.defn
class ArticleWorkflow(CanBeHeld):
    """Makes one article. Run again under the same id it resumes, since finished stages answer from the database."""

    def __init__(self) -> None:
        super().__init__()
        self._stage: Stage | None = None
        self._begun = False  # once a stage was asked for it is under way, and no longer something new
        self._call: workflow.ActivityHandle[Any] | None = None  # under way
        self._cut_off = False  # by a hold, and not by a cancellation of the article

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Return what was stored. Fails with the error type of the stage that gave up, after that was committed."""
        try:
            await self._generate(article)
            outcome = await workflow.execute_local_activity_method(
                ArticleActivities.save_article, article, summary="store the page", **policies.DATABASE
            )
        except (ActivityError, asyncio.CancelledError) as error:
            if is_cancelled_exception(error):
                await self._cancelled(article)
                raise
            await self._failed(article, error)
            raise AssertionError("unreachable: _failed raises") from error
        self._ended("needs_review")
        return outcome

    async def _generate(self, article: ArticleRef) -> None:
        analysis = await self._make(
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
        outline = await self._make(
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
        draft = await self._make(
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
        await self._make(
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

    async def _make(self, stage: Stage, doing: str, start: Callable[[], workflow.ActivityHandle[A]]) -> A:
        """Run a stage to its end; a call that a hold cut off is made again after the release, as if never begun."""
        while True:
            _stop_if_cancelled()
            if self._is_held():
                self.say(f"waiting before stage {stage}")
                await workflow.wait_condition(lambda: not self._is_held())
            self._begun = True
            self._enter(stage, doing)
            self._call, self._cut_off = start(), False
            try:
                return await self._call
            except (ActivityError, asyncio.CancelledError) as error:
                if not self._cut_off or not _is_of_the_cut(error):
                    raise
            finally:
                self._call = None

    def _is_held(self) -> bool:
        return self._hold.stops(HoldDepth.STAGES if self._begun else HoldDepth.ARTICLES)

    async def hold_changed(self) -> None:
        """Cut off the call under way, if the hold is that deep."""
        if self._call is not None and self._hold.stops(HoldDepth.CALLS):
            self._cut_off = True
            self._call.cancel()

    def _enter(self, stage: Stage, doing: str) -> None:
        self._stage = stage
        workflow.upsert_search_attributes([sa.STAGE.value_set(stage)])
        self.say(f"{stage}: {doing}, {STAGES.index(stage) + 1} of {len(STAGES)}")

    def _ended(self, outcome: str) -> None:
        workflow.upsert_search_attributes([sa.OUTCOME.value_set(outcome)])
        workflow.set_current_details(f"ended: {outcome.replace('_', ' ')}")

    async def _cancelled(self, article: ArticleRef) -> None:
        await workflow.execute_local_activity_method(
            ArticleActivities.record_cancellation, article, summary="record the cancellation", **policies.DATABASE
        )
        self._ended("cancelled")

    async def _failed(self, article: ArticleRef, error: BaseException) -> None:
        error_type, message, attempts = cause_of(error)
        failure = Failure(stage=self._stage, error_type=error_type, message=message, attempts=attempts)
        failure = await workflow.execute_local_activity_method(
            ArticleActivities.record_failure,
            RecordFailure(article=article, failure=failure),
            summary=f"record the failure at stage {self._stage}",
            **policies.DATABASE,
        )
        self._ended("failed")
        raise ApplicationError(
            f"stage {failure.stage} gave up after {failure.attempts} attempt(s): {failure.message}",
            failure,
            type=failure.error_type,
            non_retryable=True,
        ) from error


def _stop_if_cancelled() -> None:
    """Raise the cancellation that a call swallowed by ending well before it heard of it."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError


def _is_of_the_cut(error: BaseException) -> bool:
    """Whether a call that was cut off ended by that, and not with a failure for good or with the whole article."""
    if workflow.cancellation_reason() is not None:
        return False
    if is_cancelled_exception(error):
        return True
    if not isinstance(error, ActivityError) or error.retry_state is not RetryState.CANCEL_REQUESTED:
        return False
    return not (isinstance(error.cause, ApplicationError) and error.cause.non_retryable)


def _opening(markdown: str) -> str:
    return " ".join(markdown.split()[:OPENING_WORDS])[:OPENING_CHARACTERS]
