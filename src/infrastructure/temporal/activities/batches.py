"""Opens batches, lists their articles and closes them."""

from temporalio import activity

from src.domain.article import ArticleRef, ArticleStatus
from src.domain.batch import Trigger
from src.domain.hold import HoldDepth, HoldState
from src.domain.ids import BatchId
from src.domain.scheduling import slots
from src.domain.scheduling.backfill import RequestedSlot
from src.domain.usage import in_digits
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.llm.providers import Providers

from .. import ids, policies
from ..messages import BatchReport, CloseBatch, OpenBatch, OpenedBatch, Shard


class BatchActivities:
    """Activities of a batch: database and provider checks."""

    def __init__(self, database: Database, providers: Providers, *, window: int) -> None:
        self._database = database
        self._providers = providers
        self._window = window

    @activity.defn
    async def check_models(self, site_slug: str) -> None:
        """Check that the site's providers take their keys and have its models.

        Raises ModelNotConfigured, ModelNotFound, ModelAuthenticationFailed, or ModelUnreachable (worth a retry).
        """
        async with self._database.unit_of_work() as uow:
            site = await uow.sites.get(site_slug)
        await self._providers.check(site)

    @activity.defn
    async def open_batch(self, request: OpenBatch) -> OpenedBatch:
        """Open the slot's batch and claim its longtails in one transaction.

        Safe to repeat.

        While the site is held nothing is claimed; the same batch opens once more after the release.
        """
        info = activity.info()
        identity = BatchRequest(
            site=request.site,
            slot=request.slot,
            trigger=request.trigger,
            colour=ids.colour_of(info.task_queue),
            workflow_id=str(info.workflow_id),
            run_id=str(info.workflow_run_id),
        )

        async def work(uow: UnitOfWork) -> OpenedBatch:
            site = await uow.sites.get(request.site)
            wanted = await uow.schedules.find(request.site)
            backfill = await uow.schedules.find_backfill(request.site, request.slot)
            if refused := _refusal(request, wanted, backfill):
                return self._opened(None, 0, 0, refused=refused)
            limit = site.articles_per_batch if request.limit is None else request.limit
            asked = identity
            if backfill is not None:
                limit = min(limit, limit if backfill.articles is None else backfill.articles)
                asked = identity.model_copy(update={"trigger": Trigger.BACKFILL})
            force = request.force or (backfill is not None and backfill.force)
            hold = await uow.holds.get_state(request.site, opening=True)
            held = hold.stops(HoldDepth.ARTICLES)
            batch_id, has_work = await uow.batches.open(asked, limit=limit, force=force, claim=not held)
            if held and has_work:
                return self._opened(batch_id, 0, 0, hold=hold)
            counts = await uow.batches.count_articles(batch_id)
            to_do = counts[ArticleStatus.QUEUED] + counts[ArticleStatus.GENERATING]
            priority = policies.BACKFILL_PRIORITY if backfill is not None else None
            return self._opened(batch_id, to_do if has_work else 0, counts.total(), priority=priority)

        return await self._database.run_in_transaction(work)

    def _opened(
        self,
        batch_id: BatchId | None,
        to_do: int,
        positions: int,
        *,
        refused: str | None = None,
        priority: int | None = None,
        hold: HoldState | None = None,
    ) -> OpenedBatch:
        return OpenedBatch(
            batch_id=batch_id,
            to_do=to_do,
            positions=positions,
            window=self._window,
            shard_size=policies.SHARD_SIZE,
            open_shards=policies.OPEN_SHARDS,
            refused=refused,
            priority=priority,
            hold=hold,
        )

    @activity.defn
    async def list_articles(self, shard: Shard) -> list[ArticleRef]:
        """Return the range's unfinished articles in their order."""
        async with self._database.unit_of_work() as uow:
            return await uow.articles.list_unfinished(shard.batch_id, first=shard.first, end=shard.end)

    @activity.defn
    async def close_batch(self, request: CloseBatch) -> BatchReport:
        """Close the batch and return its report; safe to repeat.

        What it never finished is cancelled.
        """
        error = (request.error_type, request.error_message or "") if request.error_type else None

        async def work(uow: UnitOfWork) -> BatchReport:
            await uow.batches.close(
                request.batch_id,
                cancelled=request.cancelled,
                error=error,
                keep_generating=request.keep_generating,
            )
            batch = await uow.batches.get(request.batch_id)
            spend = await uow.model_calls.sum_usage(batch_id=batch.id)
            return BatchReport(
                batch_id=batch.id,
                status=batch.status,
                total=batch.total,
                needs_review=batch.needs_review,
                failed=batch.failed,
                cancelled=batch.cancelled,
                calls=spend.calls,
                input_tokens=spend.input_tokens,
                output_tokens=spend.output_tokens,
                cost_usd=in_digits(spend.cost_usd),
                unpriced_calls=spend.unpriced_calls,
            )

        return await self._database.run_in_transaction(work)


def _refusal(request: OpenBatch, wanted: DesiredSchedule | None, backfill: RequestedSlot | None) -> str | None:
    """Return why a slot that Temporal started gets no batch."""
    if request.trigger is not Trigger.SCHEDULE:
        return None
    if backfill is not None and backfill.stopped_at is not None:
        return "its backfill was stopped"
    if backfill is None and wanted is not None and slots.is_repeat(wanted.schedule, request.slot):
        return "clocks go back: the slot of this time of day is another"
    return None
