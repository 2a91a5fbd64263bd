"""The workflow of one site's batch for one slot.

It opens the batch, runs a limited number of articles at a time, and closes the batch with their outcomes. A failed
article does not fail the batch. The batch fails only when no article succeeded, since a failed run is what a schedule's
pause-on-failure reacts to.
"""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeAlias

from temporalio import workflow
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef, Failure
    from src.domain.batch import BatchStatus
    from src.domain.errors import HALTING
    from src.domain.hold import HoldState
    from src.domain.ids import BatchId

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.batches import BatchActivities
    from ..messages import ArticleOutcome, BatchReport, CloseBatch, OpenBatch, OpenedBatch, Shard, SiteBatchInput

from .article import ArticleWorkflow
from .failure import cause_of
from .generation import first_generation
from .hold import HoldableParent
from .window import run_windowed

_SCHEDULED_AT = "TemporalScheduledStartTime"  # set by Temporal: the nominal time, without jitter
ArticleHandle: TypeAlias = "workflow.ChildWorkflowHandle[ArticleWorkflow, ArticleOutcome]"
ShardHandle: TypeAlias = "workflow.ChildWorkflowHandle[ArticleShardWorkflow, Failure | None]"
_HALTING = {error.__name__ for error in HALTING}


@workflow.defn
class SiteBatchWorkflow(HoldableParent):
    """Runs the batch of one slot.

    Does nothing for a completed slot unless forced.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0
        self._lost_shard = False

    @workflow.run
    async def run(self, request: SiteBatchInput) -> BatchReport | None:
        """Return the batch's report, None for a slot without one.

        Fails with type BatchFailed when no article succeeded.
        """
        self._generation = first_generation()
        colour = ids.colour_of(workflow.info().task_queue)
        workflow.upsert_search_attributes([sa.SITE.value_set(request.site), sa.COLOUR.value_set(colour)])
        batch, refusal = await self._begin(request)
        if batch.batch_id is None:
            workflow.set_current_details(f"no batch: {batch.refused}")
            return None
        opened = batch.batch_id
        try:
            while batch.hold is not None:
                await self._wait_for_release(batch.hold)
                batch, refusal = await self._begin(request)
            if batch.batch_id is None:
                return await self._close(CloseBatch(batch_id=opened, cancelled=True))
            halted = refusal or await self._run_articles(batch)
        except (asyncio.CancelledError, ActivityError, ChildWorkflowError) as error:
            if is_cancelled_exception(error):
                await self._close(CloseBatch(batch_id=opened, cancelled=True))
            raise
        return await self._finish(opened, halted)

    async def _begin(self, request: SiteBatchInput) -> tuple[OpenedBatch, Failure | None]:
        """Open the batch.

        Without longtails when the models refuse or the site is held.
        """
        refusal = await self._models_refused(request)
        return await self._open(request, limit=0 if refusal else request.limit), refusal

    async def _wait_for_release(self, hold: HoldState) -> None:
        """Wait until the site is released; a newer release by signal counts."""
        self.update_hold(hold)
        self.show_progress("nothing is claimed yet")
        await workflow.wait_condition(self.may_start)

    async def _models_refused(self, request: SiteBatchInput) -> Failure | None:
        """Return why the site's models cannot be used, or None.

        Nothing is claimed yet.
        """
        try:
            await self._check_models(request.site)
        except FailureError as error:  # a local activity's failure is no ActivityError
            if is_cancelled_exception(error):
                raise
            error_type, message, attempts = cause_of(error)
            return Failure(stage=None, error_type=error_type, message=message, attempts=attempts)
        return None

    async def _check_models(self, site: str) -> None:
        summary = "do the providers take our keys?"
        if self._generation == 0:
            await workflow.execute_activity_method(
                BatchActivities.check_models,
                site,
                activity_id="check-models",
                summary=summary,
                **policies.MODEL_CHECK,
            )
            return
        # Local, so that it never waits behind model calls for a slot.
        await workflow.execute_local_activity_method(
            BatchActivities.check_models, site, summary=summary, **policies.MODEL_CHECK
        )

    async def _open(self, request: SiteBatchInput, *, limit: int | None) -> OpenedBatch:
        slot = (request.slot or _scheduled_time() or workflow.info().start_time).astimezone(UTC)
        return await workflow.execute_local_activity_method(
            BatchActivities.open_batch,
            OpenBatch(site=request.site, slot=slot, trigger=request.trigger, limit=limit, force=request.force),
            summary=f"open the batch of {slot:%Y-%m-%d %H:%M} UTC",
            **policies.DATABASE,
        )

    async def _run_articles(self, batch: OpenedBatch) -> Failure | None:
        """Run all articles, in shards if there are many."""
        if not batch.to_do:
            return None
        if batch.positions <= batch.shard_size:
            whole = _shard(batch, first=0, end=batch.positions, window=batch.window)
            return await _run_shard(whole, self)
        share = max(1, batch.window // batch.open_shards)
        shards = [
            _shard(batch, first=first, end=first + batch.shard_size, window=share)
            for first in range(0, batch.positions, batch.shard_size)
        ]

        async def run(shard: Shard) -> Failure | None:
            try:
                return await self.run_child(_start_shard(shard))
            except ChildWorkflowError as error:
                if self._generation == 0 or is_cancelled_exception(error):
                    raise
                self._lost_shard = True  # it was terminated or failed; its articles run on
                return None

        return await run_windowed(shards, run, at_once=batch.open_shards, may_start=self.may_start)

    async def _finish(self, batch_id: BatchId, halted: Failure | None) -> BatchReport:
        report = await self._close(
            CloseBatch(
                batch_id=batch_id,
                error_type=halted.error_type if halted else None,
                error_message=halted.message if halted else None,
                keep_generating=self._lost_shard,
            )
        )
        if report.status is BatchStatus.FAILED:
            reason = halted.message if halted else f"none of {report.total} articles succeeded"
            raise ApplicationError(f"batch failed: {reason}", report, type="BatchFailed", non_retryable=True)
        return report

    async def _close(self, request: CloseBatch) -> BatchReport:
        report = await workflow.execute_local_activity_method(
            BatchActivities.close_batch, request, summary="close the batch", **policies.DATABASE
        )
        workflow.upsert_search_attributes([sa.OUTCOME.value_set(report.status)])
        workflow.set_current_details(f"{report.status}: {report.needs_review} of {report.total} need review")
        return report


@workflow.defn
class ArticleShardWorkflow(HoldableParent):
    """Runs a range of a large batch's articles.

    No history grows too long.
    """

    @workflow.run
    async def run(self, shard: Shard) -> Failure | None:
        """Return the failure that stopped new articles from starting, or None."""
        return await _run_shard(shard, self)


def _shard(batch: OpenedBatch, *, first: int, end: int, window: int) -> Shard:
    assert batch.batch_id is not None  # noqa: S101 - a slot without a batch has no articles to run
    return Shard(batch_id=batch.batch_id, first=first, end=end, window=window, priority=batch.priority)


def _start_shard(shard: Shard) -> Awaitable[ShardHandle]:
    return workflow.start_child_workflow(
        ArticleShardWorkflow.run,
        shard,
        id=ids.shard(workflow.info().workflow_id, shard.first),
        static_summary=f"articles from {shard.first} to {shard.end - 1}",
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        priority=Priority(priority_key=shard.priority),
    )


async def _run_shard(shard: Shard, parent: HoldableParent) -> Failure | None:
    articles = await workflow.execute_local_activity_method(
        BatchActivities.list_articles, shard, summary="which articles are still to be made?", **policies.DATABASE
    )
    ended = 0

    async def make(article: ArticleRef) -> Failure | None:
        nonlocal ended
        failure = await _outcome(article, parent.run_child(_start_article(article, priority=shard.priority)))
        ended += 1
        parent.show_progress(f"{ended} of {len(articles)} articles ended")
        return failure

    return await run_windowed(articles, make, at_once=shard.window, may_start=parent.may_start)


def _start_article(article: ArticleRef, *, priority: int | None) -> Awaitable[ArticleHandle]:
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


def _scheduled_time() -> datetime | None:
    for pair in workflow.info().typed_search_attributes:
        if pair.key.name == _SCHEDULED_AT and isinstance(pair.value, datetime):
            return pair.value
    return None
