"""Opens batches, lists their articles and closes them."""

from temporalio import activity

from src.domain.article import ArticleRef, ArticleStatus
from src.domain.batch import Trigger
from src.domain.colour import Colour
from src.domain.errors import Conflict, ModelNotConfigured
from src.domain.hold import HoldDepth, HoldState
from src.domain.ids import BatchId
from src.domain.scheduling import slots
from src.domain.scheduling.backfill import RequestedSlot
from src.domain.site import Site
from src.domain.usage import in_digits
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.llm.providers import Providers

from .. import ids, policies
from ..messages import (
    BatchReport,
    CloseBatch,
    EndedArticle,
    FindEnded,
    OpenBatch,
    OpenedBatch,
    OpenedShard,
    Route,
    Shard,
)
from .articles import recorded


class BatchActivities:
    """Activities of a batch: database and provider checks."""

    def __init__(self, database: Database, providers: Providers, *, slots: int) -> None:
        """``slots`` are the model calls that this worker makes at once."""
        self._database = database
        self._providers = providers
        self._slots = slots

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
        colour = ids.colour_of(info.task_queue)
        identity = BatchRequest(
            site=request.site,
            slot=request.slot,
            trigger=request.trigger,
            colour=colour,
            workflow_id=str(info.workflow_id),
            run_id=str(info.workflow_run_id),
        )

        async def work(uow: UnitOfWork) -> OpenedBatch:
            site = await uow.sites.get(request.site)
            if request.is_passed_on and (taken := await self._take_over(uow, site, identity)):
                return taken
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
            return self._opened(
                batch_id,
                to_do if has_work else 0,
                counts.total(),
                window=await self._count_slots(uow, colour),
                priority=policies.BACKFILL_PRIORITY if backfill is not None else None,
                trial=await self._trial(uow, site),
            )

        return await self._database.run_in_transaction(work)

    async def _take_over(self, uow: UnitOfWork, site: Site, asked: BatchRequest) -> OpenedBatch | None:
        """Hand a running batch to another run as it stands.

        Nothing is claimed, and nothing is tried again that ended. None: it is not opened yet, or had claimed nothing.
        """
        found = await uow.batches.find_by_slot(asked.site, asked.slot)
        if found is None or not found.total:
            return None
        if not await uow.batches.take_over(asked):
            return self._opened(None, 0, 0, refused="its batch has ended meanwhile")
        batch_id, counts = found.id, await uow.batches.count_articles(found.id)
        return self._opened(
            batch_id,
            counts[ArticleStatus.QUEUED] + counts[ArticleStatus.GENERATING],
            counts.total(),
            window=await self._count_slots(uow, asked.colour),
            priority=policies.BACKFILL_PRIORITY if found.trigger is Trigger.BACKFILL else None,
            trial=await self._trial(uow, site),
        )

    def _opened(  # noqa: PLR0913 - each is a field of the message
        self,
        batch_id: BatchId | None,
        to_do: int,
        positions: int,
        *,
        window: int | None = None,
        refused: str | None = None,
        priority: int | None = None,
        hold: HoldState | None = None,
        trial: int | None = None,
    ) -> OpenedBatch:
        return OpenedBatch(
            batch_id=batch_id,
            to_do=to_do,
            positions=positions,
            window=window or self._slots,
            shard_size=policies.SHARD_SIZE,
            open_shards=policies.OPEN_SHARDS,
            refused=refused,
            priority=priority,
            hold=hold,
            trial=trial,
        )

    async def _count_slots(self, uow: UnitOfWork, colour: Colour) -> int:
        """Return how many model calls the colour's workers make at once.

        This worker is one of them, whether it is registered or not.
        """
        alive = policies.MODEL_HEARTBEAT.total_seconds()
        return max(self._slots, await uow.workers.sum_slots(colour, seen_within_seconds=alive))

    async def _trial(self, uow: UnitOfWork, site: Site) -> int | None:
        """Return how many articles may run until every model has answered.

        None: all have, or are offline in this process.
        """
        try:
            models = self._providers.list_models(site)
        except ModelNotConfigured:
            return policies.TRIAL_ARTICLES
        return None if await uow.answering_models.has_all(models) else policies.TRIAL_ARTICLES

    @activity.defn
    async def find_trial(self, site_slug: str) -> int | None:
        """Return how many articles may run until every model has answered.

        None: all have.
        """
        async with self._database.unit_of_work() as uow:
            return await self._trial(uow, await uow.sites.get(site_slug))

    @activity.defn
    async def open_shard(self, shard: Shard) -> OpenedShard:
        """Return the range's unfinished articles, and how to run them.

        What an earlier run of the batch cancelled since this one began is not finished either.
        """
        colour = ids.colour_of(activity.info().task_queue)
        async with self._database.unit_of_work() as uow:
            articles = await uow.articles.list_unfinished(
                shard.batch_id,
                first=shard.first,
                end=shard.end,
                or_cancelled_since=shard.since,
                only_generating=shard.only_generating,
            )
            routing = await uow.routing.read()
            window = shard.window
            if shard.share:
                window = max(1, await self._count_slots(uow, colour) // shard.share)
        return OpenedShard(
            articles=articles[: shard.most],
            window=window,
            alike=policies.ALIKE_FAILURES,
            route=Route(canary=routing.canary, decided_at=routing.changed_at),
        )

    @activity.defn
    async def find_ended(self, request: FindEnded) -> list[EndedArticle]:
        """Return those of the articles that have ended."""
        async with self._database.unit_of_work() as uow:
            ended = await uow.articles.list_ended(request.article_ids)
        return [
            EndedArticle(article_id=article_id, status=status, failure=recorded(failure) if failure else None)
            for article_id, status, failure in ended
        ]

    @activity.defn
    async def list_articles(self, shard: Shard) -> list[ArticleRef]:
        """Return the range's unfinished articles in their order."""
        async with self._database.unit_of_work() as uow:
            return await uow.articles.list_unfinished(shard.batch_id, first=shard.first, end=shard.end)

    @activity.defn
    async def take_up(self, article: ArticleRef) -> bool:
        """Queue a cancelled article again.

        Return False if another article has taken its keyword.
        """
        try:
            await self._database.run_in_transaction(
                lambda uow: uow.articles.prepare_retry(article.article_id, from_stage=None)
            )
        except Conflict:
            return False
        return True

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
                may_stop=request.may_stop,
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
                error_type=batch.error_type,
                error_message=batch.error_message,
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
