"""One article from keyword to review: A, B, C, D, each an activity of that id; a failure is committed, then raised."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, Failure
    from src.domain.stages import STAGES, Stage

    from .. import policies
    from .. import search_attributes as sa
    from ..activities.articles import ArticleActivities
    from ..activities.stages import StageActivities
    from ..messages import (
        AnalyseKeyword,
        ArticleOutcome,
        DescribeArticle,
        PlanOutline,
        RecordFailure,
        WriteArticle,
    )
    from .failure import cause_of

OPENING_WORDS = 150  # what stage D reads of the article
OPENING_CHARACTERS = 1500  # the same, in scripts without spaces


@workflow.defn
class ArticleWorkflow:
    """Makes one article. Run again under the same id it resumes, since finished stages answer from the database."""

    def __init__(self) -> None:
        self._stage: Stage | None = None

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
        self._enter(Stage.KEYWORD_ANALYSIS, "reading the keyword")
        analysis = await workflow.execute_activity_method(
            StageActivities.analyse_keyword,
            AnalyseKeyword(article=article),
            activity_id=Stage.KEYWORD_ANALYSIS,
            summary=f"keyword analysis: {article.keyword}",
            **policies.MODEL_STAGE,
        )
        self._enter(Stage.OUTLINE, "planning")
        outline = await workflow.execute_activity_method(
            StageActivities.plan_outline,
            PlanOutline(article=article, analysis=analysis),
            activity_id=Stage.OUTLINE,
            summary=f"outline: {article.keyword}",
            **policies.MODEL_STAGE,
        )
        self._enter(Stage.ARTICLE, "writing")
        draft = await workflow.execute_activity_method(
            StageActivities.write_article,
            WriteArticle(article=article, outline=outline),
            activity_id=Stage.ARTICLE,
            summary=f"article: {outline.h1}",
            **policies.MODEL_STAGE,
        )
        self._enter(Stage.SEO_METADATA, "describing")
        await workflow.execute_activity_method(
            StageActivities.describe_article,
            DescribeArticle(article=article, outline=outline, opening=_opening(draft.markdown)),
            activity_id=Stage.SEO_METADATA,
            summary=f"SEO metadata: {outline.h1}",
            **policies.MODEL_STAGE,
        )

    def _enter(self, stage: Stage, doing: str) -> None:
        self._stage = stage
        workflow.upsert_search_attributes([sa.STAGE.value_set(stage)])
        workflow.set_current_details(f"{stage}: {doing}, {STAGES.index(stage) + 1} of {len(STAGES)}")

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


def _opening(markdown: str) -> str:
    return " ".join(markdown.split()[:OPENING_WORDS])[:OPENING_CHARACTERS]
