"""The workflow of one site's batch for one slot.

It opens the batch, runs a limited number of articles at a time, and closes the batch with their outcomes. A failed
article does not fail the batch. The batch fails only when no article succeeded or none can, since a failed run is what
a schedule's pause-on-failure reacts to. However the run ends, but for its termination, its batch is closed.
"""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeAlias

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from src.domain.article import Failure
    from src.domain.batch import BatchStatus
    from src.domain.hold import HoldState
    from src.domain.ids import BatchId

    from .. import ids, policies
    from .. import search_attributes as sa
    from ..activities.batches import BatchActivities
    from ..messages import BatchReport, CloseBatch, OpenBatch, OpenedBatch, PassedOn, Shard, SiteBatchInput

from .article_parent import ArticleParent
from .failure import cause_of
from .generation import first_generation
from .uninterrupted import uninterrupted
from .window import run_windowed

_SCHEDULED_AT = "TemporalScheduledStartTime"  # set by Temporal: the nominal time, without jitter
_CLOSES_ALWAYS = 2  # the generation since which every outcome closes the batch
_STOPS_ALL = 4  # the generation since which a shard's stop is told to the others
ShardHandle: TypeAlias = "workflow.ChildWorkflowHandle[ArticleShardWorkflow, Failure | None]"


@workflow.defn
class SiteBatchWorkflow(ArticleParent):
    """Runs the batch of one slot.

    Does nothing for a completed slot unless forced.
    """

    def __init__(self) -> None:
        super().__init__()
        self._batch_id: BatchId | None = None  # once it is open
        self._positions = 0  # one more than the last article's
        self._lost_shard = False
        self._is_finishing = False
        self._slot: datetime | None = None  # UTC, once it is known
        self._goes_on = False  # with what a run before left, in which only people cancelled articles
        self._halted: Failure | None = None  # why the run before this one started no further article

    @workflow.run
    async def run(self, request: SiteBatchInput) -> BatchReport | None:
        """Return the batch's report, None for a slot without one.

        Fails with type BatchFailed when no article succeeded.
        """
        self._generation = first_generation()
        colour = ids.colour_of(workflow.info().task_queue)
        workflow.upsert_search_attributes([sa.SITE.value_set(request.site), sa.COLOUR.value_set(colour)])
        try:
            report = await self._run(request)
        except asyncio.CancelledError:
            await self._close_cancelled()
            raise
        except FailureError as error:
            if is_cancelled_exception(error):
                await self._close_cancelled()
            else:
                await self._close_failed(error)
            raise
        except Exception as error:  # the edge of a workflow: a defect, and nothing may stay running
            await self._close_failed(error)
            if self._generation < _CLOSES_ALWAYS:
                raise
            raise ApplicationError(str(error), type=type(error).__name__, non_retryable=True) from error
        if report is not None and report.status is BatchStatus.FAILED:
            reason = report.error_message or f"none of {report.total} articles succeeded"
            raise ApplicationError(f"batch failed: {reason}", report, type="BatchFailed", non_retryable=True)
        return report

    async def _run(self, request: SiteBatchInput) -> BatchReport | None:
        if request.passed_on is not None:
            self._go_on(request.passed_on)
        batch, refusal = await self._begin(request)
        if batch.batch_id is None:
            workflow.set_current_details(f"no batch: {batch.refused}")
            return None
        opened = self._batch_id = batch.batch_id
        while batch.hold is not None:
            await self._wait_for_release(batch.hold)
            if self.passes_on():
                self._pass_on(request, None)  # nothing is claimed yet: it begins there
            batch, refusal = await self._begin(request)
        if batch.batch_id is None:
            return await self._close(CloseBatch(batch_id=opened, cancelled=True))
        halted = refusal or await self._run_articles(batch)
        if self.passes_on() and refusal is None:
            self._pass_on(request, self._left(halted))
        return await self._finish(opened, halted)

    # --- from one colour to the other

    def _go_on(self, before: PassedOn) -> None:
        """Go on with what the run before left.

        Articles of it may still run.
        """
        self._goes_on = True
        self._halted = before.stop
        self._breaker.go_on(before)
        self.update_hold(before.hold)

    def _left(self, stop: Failure | None) -> PassedOn:
        """Return what the next run has to know."""
        breaker = self._breaker
        return PassedOn(hold=self._hold, stop=stop, alike=breaker.alike, successes=breaker.successes)

    def _pass_on(self, request: SiteBatchInput, left: PassedOn | None) -> NoReturn:
        """Continue as new on the other colour's queue.

        The slot is kept there: what Temporal says of it is of this run.
        """
        assert self._next is not None  # noqa: S101 - it passes on
        workflow.continue_as_new(
            request.model_copy(update={"slot": self._slot, "passed_on": left}), task_queue=ids.task_queue(self._next)
        )

    # --- the beginning

    async def _begin(self, request: SiteBatchInput) -> tuple[OpenedBatch, Failure | None]:
        """Open the batch.

        Without longtails when the models refuse or the site is held. What another run passed on was checked by it.
        """
        refusal = None if self._goes_on else await self._models_refused(request)
        return await self._open(request, limit=0 if refusal else request.limit), refusal

    async def _wait_for_release(self, hold: HoldState) -> None:
        """Wait until the site is released; a newer release by signal counts."""
        self.update_hold(hold)
        self.show_progress("nothing is claimed yet")
        await workflow.wait_condition(lambda: self.may_start() or self.passes_on())

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
        slot = self._slot = (request.slot or _scheduled_time() or workflow.info().start_time).astimezone(UTC)
        is_passed_on = request.passed_on is not None
        opening = workflow.execute_local_activity_method(
            BatchActivities.open_batch,
            OpenBatch(
                site=request.site,
                slot=slot,
                trigger=request.trigger,
                limit=limit,
                force=request.force,
                is_passed_on=is_passed_on,
            ),
            summary=f"open the batch of {slot:%Y-%m-%d %H:%M} UTC",
            **policies.DATABASE,
        )
        if self._generation < _CLOSES_ALWAYS:
            return await opening
        opened = await uninterrupted(opening)
        self._batch_id = opened.batch_id or self._batch_id
        self._positions = max(self._positions, opened.positions)
        if workflow.cancellation_reason() is not None:  # what was opened meanwhile is closed
            raise asyncio.CancelledError
        return opened

    async def _run_articles(self, batch: OpenedBatch) -> Failure | None:
        """Run all articles, in shards if there are many.

        Of a batch in shards the first ones run here while a model is new.
        """
        if not batch.to_do:
            return self._halted
        if self._halted is not None:
            running = self._whole(batch, window=batch.positions).model_copy(
                update={"share": None, "only_generating": True}
            )
            await self.run_range(running)
            return self._halted
        if batch.positions <= batch.shard_size:
            return await self.run_range(self._whole(batch, window=batch.window, trial=batch.trial))
        if self._generation >= _CLOSES_ALWAYS and batch.trial:
            trial = self._whole(batch, window=batch.trial, most=batch.trial)
            if halted := await self.run_range(trial):
                return halted
        share = max(1, batch.window // batch.open_shards)
        shards = [
            self._shard(batch, first=first, end=first + batch.shard_size, window=share, share=batch.open_shards)
            for first in range(0, batch.positions, batch.shard_size)
        ]
        return await run_windowed(
            shards,
            self._run_shard,
            at_once=lambda: batch.open_shards,
            may_start=self.may_start,
            passes_on=self.passes_on,
        )

    def _whole(self, batch: OpenedBatch, *, window: int, most: int | None = None, trial: int | None = None) -> Shard:
        shard = self._shard(batch, first=0, end=batch.positions, window=window, share=None if most else 1)
        return shard.model_copy(update={"most": most, "trial": trial})

    def _shard(self, batch: OpenedBatch, *, first: int, end: int, window: int, share: int | None) -> Shard:
        assert batch.batch_id is not None  # noqa: S101 - a slot without a batch has no articles to run
        return Shard(
            batch_id=batch.batch_id,
            first=first,
            end=end,
            window=window,
            share=share,
            priority=batch.priority,
            since=None if self._goes_on else workflow.info().start_time,
            takes_up=not self._goes_on,
        )

    async def _run_shard(self, shard: Shard) -> Failure | None:
        """Run a shard.

        Of one that was terminated or failed the articles run on, and those of a shard of another run may still end.
        This workflow takes them over.
        """
        try:
            return await self._run_as_child(shard)
        except ChildWorkflowError as error:
            if self._generation == 0:
                raise
            if is_cancelled_exception(error):
                if self._generation < _CLOSES_ALWAYS or workflow.cancellation_reason() is not None:
                    raise
                return None  # a person cancelled it, and with it its articles
        except WorkflowAlreadyStartedError:
            if self._generation < _CLOSES_ALWAYS:
                raise
        if self._generation < _CLOSES_ALWAYS:
            self._lost_shard = True
            return None
        return await self.run_range(shard)

    async def _run_as_child(self, shard: Shard) -> Failure | None:
        stop = await self.run_child(_start_shard(shard))
        if stop is not None and self._generation >= _STOPS_ALL:
            await self.signal_children(ArticleShardWorkflow.stop, stop)
        return stop

    # --- the end

    async def _finish(self, batch_id: BatchId, halted: Failure | None) -> BatchReport:
        self._is_finishing = True
        closes_always = self._generation >= _CLOSES_ALWAYS
        return await self._close(
            CloseBatch(
                batch_id=batch_id,
                error_type=halted.error_type if halted else None,
                error_message=halted.message if halted else None,
                keep_generating=self._lost_shard or closes_always,
                may_stop=closes_always,
            )
        )

    async def _close_cancelled(self) -> None:
        if self._batch_id is None or (self._generation < _CLOSES_ALWAYS and self._is_finishing):
            return
        if self._goes_on:
            await uninterrupted(self._cancel_left(self._batch_id))
        await self._close(
            CloseBatch(batch_id=self._batch_id, cancelled=True, keep_generating=self._generation >= _CLOSES_ALWAYS)
        )

    async def _cancel_left(self, batch_id: BatchId) -> None:
        """Cancel the articles that the run before left.

        Some may not be joined yet.
        """
        whole = Shard(batch_id=batch_id, first=0, end=self._positions, window=1, only_generating=True)
        left = await workflow.execute_local_activity_method(
            BatchActivities.open_shard, whole, summary="which articles still run?", **policies.DATABASE
        )
        await asyncio.gather(*map(self.cancel_joined, left.articles))

    async def _close_failed(self, error: Exception) -> None:
        """Close the batch after an error that nobody expected."""
        if self._batch_id is None or self._generation < _CLOSES_ALWAYS:
            return
        error_type, message, _ = cause_of(error)
        await self._close(
            CloseBatch(batch_id=self._batch_id, error_type=error_type, error_message=message, keep_generating=True)
        )

    async def _close(self, request: CloseBatch) -> BatchReport:
        closing = workflow.execute_local_activity_method(
            BatchActivities.close_batch, request, summary="close the batch", **policies.DATABASE
        )
        report = await (closing if self._generation < _CLOSES_ALWAYS else uninterrupted(closing))
        workflow.upsert_search_attributes([sa.OUTCOME.value_set(report.status)])
        workflow.set_current_details(f"{report.status}: {report.needs_review} of {report.total} need review")
        return report


@workflow.defn
class ArticleShardWorkflow(ArticleParent):
    """Runs a range of a large batch's articles.

    No history grows too long.
    """

    @workflow.run
    async def run(self, shard: Shard) -> Failure | None:
        """Return the failure that stopped new articles from starting, or None."""
        self._generation = first_generation()
        return await self.run_range(shard)

    @workflow.signal(description="Start no further article: another shard of the batch has stopped.")
    def stop(self, failure: Failure) -> None:
        """Let the articles that run end, and no other start."""
        self._stop = failure


def _start_shard(shard: Shard) -> Coroutine[Any, Any, ShardHandle]:
    return workflow.start_child_workflow(
        ArticleShardWorkflow.run,
        shard,
        id=ids.shard(workflow.info().workflow_id, shard.first),
        static_summary=f"articles from {shard.first} to {shard.end - 1}",
        parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        priority=Priority(priority_key=shard.priority),
    )


def _scheduled_time() -> datetime | None:
    for pair in workflow.info().typed_search_attributes:
        if pair.key.name == _SCHEDULED_AT and isinstance(pair.value, datetime):
            return pair.value
    return None
