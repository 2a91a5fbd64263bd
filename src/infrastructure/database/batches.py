"""Batches: one per site and slot, opened with its longtails.

Every change of a batch's status is a function of this module.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row, Select, Text, bindparam, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason, Hint, LongtailsLocked, NotFound
from src.domain.ids import ArticleId, BatchId
from src.domain.longtail import LongtailStatus
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.stage_failure import FailureKind, Verdict, verdict_on

from .articles import ArticleRepository
from .longtails import LongtailRepository
from .model_calls import ModelCallRepository
from .pages import in_order
from .tables import ArticleRow, BatchArticleRow, BatchRow, StageFailureRow

DONE = (BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED)
_BATCH_OF_ARTICLE = (  # built once: that costs more than running it
    select(BatchRow)
    .join(ArticleRow, ArticleRow.batch_id == BatchRow.id)
    .where(ArticleRow.id == bindparam("article_id"))
    .with_for_update(of=BatchRow, key_share=True)
)


class BatchRequest(BaseModel):
    """What identifies a batch and who runs it."""

    model_config = ConfigDict(frozen=True)

    site: str
    slot: datetime
    trigger: Trigger
    colour: Colour
    workflow_id: str
    run_id: str


class BatchRepository:
    """The batches of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._articles = ArticleRepository(session)
        self._longtails = LongtailRepository(session)
        self._model_calls = ModelCallRepository(session)

    async def open(self, request: BatchRequest, *, limit: int, force: bool, claim: bool = True) -> tuple[BatchId, bool]:
        """Open the slot's batch and claim longtails in one transaction.

        At most ``limit`` longtails are claimed.

        Return its id, and whether there is work to do: a slot that ended with articles is done unless ``force``; one
        that failed, was stopped or cancelled is opened again with what it had. Without ``claim`` nothing is claimed or
        resumed until the same run opens it once more.
        """
        created = await self._session.scalar(
            upsert(BatchRow)
            .values(id=uuid4(), **request.model_dump())
            .on_conflict_do_nothing(index_elements=["site", "slot"])
            .returning(BatchRow.id)
        )
        if created:
            if claim:
                await self._fill(created, request.site, limit)
            return created, True
        row = await self._session.scalar(
            select(BatchRow).where(BatchRow.site == request.site, BatchRow.slot == request.slot).with_for_update()
        )
        assert row is not None  # noqa: S101 - the conflict above says that it is there
        is_same_run = (row.workflow_id, row.run_id) == (request.workflow_id, request.run_id)
        if row.status in DONE and not force:
            return row.id, False
        if row.status != BatchStatus.RUNNING or not is_same_run:
            await self._reopen(row, request)
        if claim:
            await self._resume(row, limit)
        return row.id, True

    async def take_over(self, request: BatchRequest) -> bool:
        """Hand the slot's batch to another run as it stands.

        Safe to repeat. Return whether it runs.
        """
        row = await self._session.scalar(
            select(BatchRow).where(BatchRow.site == request.site, BatchRow.slot == request.slot).with_for_update()
        )
        if row is None or row.status != BatchStatus.RUNNING:
            return False
        await self._reopen(row, request)
        return True

    async def _reopen(self, row: BatchRow, request: BatchRequest) -> None:
        """Hand the batch to another run."""
        row.status, row.closed_at, row.error_type, row.error_message = BatchStatus.RUNNING, None, None, None
        row.colour, row.workflow_id, row.run_id = request.colour, request.workflow_id, request.run_id
        await self._session.flush()

    async def _resume(self, row: BatchRow, limit: int) -> None:
        """Queue what the batch had and fill it up to ``limit``.

        Changes nothing when repeated.
        """
        await self._articles.requeue_stopped(row.id)
        counts = await self.count_articles(row.id)
        await self._fill(row.id, row.site, limit - (counts.total() - counts[ArticleStatus.CANCELLED]))

    async def _fill(self, batch_id: BatchId, site: str, limit: int) -> None:
        """Claim up to ``limit`` longtails.

        Raises LongtailsLocked if there are ready ones and none could be locked: such a batch would count as complete.
        """
        if limit > 0 and not await self._articles.claim_next(batch_id, site, limit=limit):
            ready = (await self._longtails.count_by_status(site))[LongtailStatus.READY]
            if ready:
                raise LongtailsLocked(site)

    async def close(
        self,
        batch_id: BatchId,
        *,
        cancelled: bool,
        error: tuple[str, str] | None,
        keep_generating: bool = False,
        spared: Collection[ArticleId] = (),
        run_id: str | None = None,
        may_stop: bool = False,
    ) -> None:
        """Store how the batch ended.

        What it never finished is cancelled, but for those ``spared``, and its longtails are ready again. With
        ``run_id`` only that run's batch is closed, and Conflict is raised if it ended or another run has it. With
        ``may_stop`` it ends as stopped, and not as failed, if all its failures are an outage, or if the error is
        neither of key nor of account or model.
        """
        if run_id is None and await self._is_done(batch_id):
            return  # its slot was started again, and articles of it may be under way on their own
        await self._model_calls.write_off(
            *await self._articles.cancel_unfinished(batch_id, keep_generating=keep_generating, spared=spared)
        )
        row = await self._lock(batch_id)
        if run_id is not None and (row is None or (row.status, row.run_id) != (BatchStatus.RUNNING, run_id)):
            raise Conflict(ConflictReason.BATCH_ENDED, batch_id, status=row.status if row else "removed")
        counts = await self.count_articles(batch_id)
        status = Batch.status_of(
            total=sum(counts.values()), needs_review=counts[ArticleStatus.NEEDS_REVIEW], cancelled=cancelled
        )
        if error and not cancelled and not counts[ArticleStatus.NEEDS_REVIEW]:
            status = BatchStatus.FAILED
        if may_stop and status is BatchStatus.FAILED:
            error = error or await self._find_outage(batch_id)
        if may_stop and error and verdict_on(error[0]) is not Verdict.HALT:
            status = BatchStatus.STOPPED
        error_type, error_message = error or (None, None)
        await self._session.execute(
            update(BatchRow)
            .where(BatchRow.id == batch_id, BatchRow.status.in_(BatchStatus.sources(status)))
            .values(status=status, closed_at=func.now(), error_type=error_type, error_message=error_message)
        )

    async def _is_done(self, batch_id: BatchId) -> bool:
        return await self._session.scalar(select(BatchRow.status).where(BatchRow.id == batch_id)) in DONE

    async def _find_outage(self, batch_id: BatchId) -> tuple[str, str] | None:
        """Return the outage or limit that ended every failed article.

        None if there is another failure, or none at all.
        """
        outage = exists().where(
            StageFailureRow.article_id == ArticleRow.id,
            StageFailureRow.revision == ArticleRow.revision,
            StageFailureRow.stage == ArticleRow.failed_stage,
            StageFailureRow.error_type == ArticleRow.error_type,
            StageFailureRow.kind == FailureKind.OUTAGE,
        )
        rows = await self._session.execute(
            select(outage, func.coalesce(ArticleRow.error_type, ""), func.coalesce(ArticleRow.error_message, ""))
            .where(ArticleRow.batch_id == batch_id, ArticleRow.status == ArticleStatus.FAILED)
            .order_by(ArticleRow.finished_at.desc())
        )
        failures = rows.all()
        if not failures or not all(is_outage for is_outage, _, _ in failures):
            return None
        _, error_type, message = failures[0]
        return str(error_type), str(message)

    async def _lock(self, batch_id: BatchId) -> Row[str, str] | None:
        """Wait for articles that are just being stored; return status and run.

        Those that come later find the batch closed. The article is locked before its batch, by all.
        """
        statement = select(BatchRow.status, BatchRow.run_id).where(BatchRow.id == batch_id)
        return (await self._session.execute(statement.with_for_update(key_share=True))).one_or_none()

    async def follow_article(self, article_id: ArticleId) -> None:
        """Update the article's batch if it is closed.

        The article was retried, or outlived its batch.
        """
        row = await self._session.scalar(_BATCH_OF_ARTICLE, {"article_id": article_id})
        if row is None or row.closed_at is None or row.status == BatchStatus.CANCELLED:
            return
        counts = await self.count_articles(row.id)
        status = Batch.status_of(
            total=sum(counts.values()), needs_review=counts[ArticleStatus.NEEDS_REVIEW], cancelled=False
        )
        if row.status != BatchStatus.STOPPED or status is BatchStatus.COMPLETED:  # the rest of it is still to be made
            row.status = status

    async def count_articles(self, batch_id: BatchId) -> Counter[ArticleStatus]:
        """Return how many articles of the batch are in each status.

        One that a later batch took up counts as it ended here.
        """
        status = func.coalesce(BatchArticleRow.outcome, ArticleRow.status)
        statement = select(status, func.count()).join(ArticleRow, ArticleRow.id == BatchArticleRow.article_id)
        rows = await self._session.execute(statement.where(BatchArticleRow.batch_id == batch_id).group_by(status))
        return Counter({ArticleStatus(status): count for status, count in rows})

    async def get(self, batch_id: BatchId) -> Batch:
        """Return the batch. Raises NotFound."""
        found = await self._read(_counted().where(BatchRow.id == batch_id))
        if not found:
            raise NotFound("batch", batch_id, hint=Hint.LIST_BATCHES)
        return found[0]

    async def get_status(self, batch_id: BatchId) -> tuple[str, BatchStatus]:
        """Return the batch's site and status. Raises NotFound."""
        row = await self._session.execute(select(BatchRow.site, BatchRow.status).where(BatchRow.id == batch_id))
        if (found := row.one_or_none()) is None:
            raise NotFound("batch", batch_id, hint=Hint.LIST_BATCHES)
        return found.site, BatchStatus(found.status)

    async def find_by_slot(self, site: str, slot: datetime) -> Batch | None:
        """Return the slot's batch, None if it was never opened."""
        found = await self._read(_counted().where(BatchRow.site == site, BatchRow.slot == slot))
        return found[0] if found else None

    async def find_by_workflow(self, site: str, workflow_id: str) -> Batch | None:
        """Return the workflow's batch, None before it opened one."""
        found = await self._read(_counted().where(BatchRow.site == site, BatchRow.workflow_id == workflow_id))
        return found[0] if found else None

    async def list_by_slot(self, site: str, first: datetime, end: datetime) -> dict[datetime, Batch]:
        """Return the site's batches by slot, ``end`` excluded."""
        statement = _counted().where(BatchRow.site == site, BatchRow.slot >= first, BatchRow.slot < end)
        return {batch.slot: batch for batch in await self._read(statement)}

    async def list_running(self, site: str | None = None) -> list[Batch]:
        """Return the running batches, of the site or of all."""
        statement = _counted().where(BatchRow.status == BatchStatus.RUNNING)
        return await self._read(statement if site is None else statement.where(BatchRow.site == site))

    async def list_ids_by_prefix(self, prefix: str, *, limit: int) -> list[BatchId]:
        """Return ids that begin with ``prefix``, in lower case."""
        begins = cast(BatchRow.id, Text).startswith(prefix, autoescape=True)
        return list(await self._session.scalars(select(BatchRow.id).where(begins).limit(limit)))

    async def list_all(
        self, *, site: str | None = None, sites: Collection[str] | None = None, limit: int = 50
    ) -> list[Batch]:
        """Return batches, the newest slot first; ``sites`` None is all."""
        statement = _counted().order_by(BatchRow.slot.desc()).limit(limit)
        if sites is not None:
            statement = statement.where(BatchRow.site.in_(sites))
        return await self._read(statement.where(BatchRow.site == site) if site else statement)

    async def list_page(
        self,
        *,
        sites: Collection[str] | None,
        status: BatchStatus | None,
        trigger: Trigger | None,
        excerpt: Excerpt[MomentPosition],
    ) -> Page[Batch, MomentPosition]:
        """Return a page of batches by slot; ``sites`` None is all."""
        statement = _counted()
        if sites is not None:
            statement = statement.where(BatchRow.site.in_(sites))
        if status:
            statement = statement.where(BatchRow.status == status)
        if trigger:
            statement = statement.where(BatchRow.trigger == trigger)
        statement = in_order(statement, BatchRow.slot, BatchRow.id, excerpt)
        found = await self._read(statement)
        return Page.of([(batch, MomentPosition(at=batch.slot, id=batch.id)) for batch in found], excerpt.limit)

    async def median_duration(self, site: str) -> timedelta | None:
        """Return the median duration of the last twenty batches, if any."""
        ended = (
            select((BatchRow.closed_at - BatchRow.opened_at).label("took"))
            .where(BatchRow.site == site, BatchRow.status.in_(DONE))
            .order_by(BatchRow.closed_at.desc())
            .limit(20)
            .subquery()
        )
        median: timedelta | None = await self._session.scalar(
            select(func.percentile_cont(0.5).within_group(ended.c.took))
        )
        return median

    async def _read(self, statement: Select[Any]) -> list[Batch]:
        # Rows that this unit of work wrote by statements are read again.
        rows = await self._session.execute(statement, execution_options={"populate_existing": True})
        return [_batch(*row) for row in rows]


_COUNTED = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED, ArticleStatus.CANCELLED)
_COUNTS = ("total", *(status.value for status in _COUNTED))


def _counted() -> Select[Any]:
    """Return batches with their articles counted by status, in one query."""
    counts = [func.count().filter(BatchArticleRow.outcome == status) for status in _COUNTED]
    columns: list[Any] = [BatchRow, func.count(BatchArticleRow.article_id), *counts]
    return select(*columns).outerjoin(BatchArticleRow, BatchArticleRow.batch_id == BatchRow.id).group_by(BatchRow.id)


def _batch(row: BatchRow, *counts: int) -> Batch:
    columns = {name: getattr(row, name) for name in Batch.model_fields if name not in _COUNTS}
    return Batch.model_validate(columns | dict(zip(_COUNTS, counts, strict=True)))
