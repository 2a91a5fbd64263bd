"""Batches: one per site and slot, opened together with the longtails that it claims."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Text, bindparam, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.errors import Hint, NotFound
from src.domain.ids import ArticleId, BatchId
from src.domain.longtail import LongtailStatus

from .models import ArticleRow, BatchRow, LongtailRow

_CLOSED_BATCH = (  # built once: that costs more than running it
    select(BatchRow)
    .join(ArticleRow, ArticleRow.batch_id == BatchRow.id)
    .where(ArticleRow.id == bindparam("article_id"), BatchRow.closed_at.is_not(None))
    .with_for_update(of=BatchRow)
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

    async def open(self, request: BatchRequest, *, limit: int | None, force: bool) -> tuple[BatchId, bool]:
        """Open the batch of this site and slot, and claim up to ``limit`` longtails in the same transaction.

        Returns its id, and whether there is work to do: a slot that ended with articles is done unless ``force``; one
        that failed or was cancelled is opened again and goes on with what it had. With ``limit`` None nothing is
        claimed or gone on with until the same run opens it once more.
        """
        created = await self._session.scalar(
            upsert(BatchRow)
            .values(id=uuid4(), **request.model_dump())
            .on_conflict_do_nothing(index_elements=["site", "slot"])
            .returning(BatchRow.id)
        )
        if created:
            await self._claim(created, request.site, limit or 0)
            return created, True
        row = await self._session.scalar(
            select(BatchRow).where(BatchRow.site == request.site, BatchRow.slot == request.slot).with_for_update()
        )
        assert row is not None  # noqa: S101 - the conflict above says that it is there
        if row.status == BatchStatus.RUNNING and (row.workflow_id, row.run_id) == (request.workflow_id, request.run_id):
            await self._go_on(row, limit)
            return row.id, True
        if row.status in (BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED) and not force:
            return row.id, False
        row.status, row.closed_at, row.error_type, row.error_message = BatchStatus.RUNNING, None, None, None
        row.colour, row.workflow_id, row.run_id = request.colour, request.workflow_id, request.run_id
        await self._session.flush()
        await self._go_on(row, limit)
        return row.id, True

    async def _go_on(self, row: BatchRow, limit: int | None) -> None:
        """Take up what the batch had and fill it up to ``limit``; changes nothing when repeated."""
        if limit is None:
            return
        held = select(LongtailRow.id).where(LongtailRow.status.in_([LongtailStatus.READY, LongtailStatus.FAILED]))
        resumed = await self._session.scalars(
            update(ArticleRow)
            .where(
                ArticleRow.batch_id == row.id,
                ArticleRow.status.in_([ArticleStatus.FAILED, ArticleStatus.CANCELLED]),
                ArticleRow.longtail_id.in_(held.with_for_update(skip_locked=True)),
            )
            .values(status=ArticleStatus.QUEUED, finished_at=None)
            .returning(ArticleRow.longtail_id)
        )
        await self._session.execute(
            update(LongtailRow)
            .where(LongtailRow.id.in_(list(resumed)))
            .values(status=LongtailStatus.CLAIMED, reason=None)
        )
        live = await self._session.scalar(
            select(func.count()).where(ArticleRow.batch_id == row.id, ArticleRow.status != ArticleStatus.CANCELLED)
        )
        await self._claim(row.id, row.site, limit - (live or 0))

    async def _claim(self, batch_id: BatchId, site: str, limit: int) -> None:
        """Claim the site's next longtails; two batches at once never get the same one."""
        if limit <= 0:
            return
        first = await self._session.scalar(
            select(func.coalesce(func.max(ArticleRow.position), -1) + 1).where(ArticleRow.batch_id == batch_id)
        )
        order = (LongtailRow.priority.desc(), LongtailRow.number)
        next_ids = (
            select(LongtailRow.id)
            .where(LongtailRow.site == site, LongtailRow.status == LongtailStatus.READY)
            .order_by(*order)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = (
            update(LongtailRow)
            .where(LongtailRow.id.in_(next_ids))
            .values(status=LongtailStatus.CLAIMED)
            .returning(LongtailRow.id, LongtailRow.phrase, LongtailRow.priority, LongtailRow.number)
            .cte("claimed")
        )
        position = func.row_number().over(order_by=(claimed.c.priority.desc(), claimed.c.number)) - 1 + literal(first)
        articles = select(
            func.gen_random_uuid(), literal(batch_id), claimed.c.id, literal(site), claimed.c.phrase, position
        )
        columns = ["id", "batch_id", "longtail_id", "site", "keyword", "position"]
        await self._session.execute(insert(ArticleRow).from_select(columns, articles, include_defaults=False))

    async def close(self, batch_id: BatchId, *, cancelled: bool, error: tuple[str, str] | None) -> None:
        """Write how the batch ended. What it never started is cancelled, and its longtails are ready again."""
        unfinished = [ArticleStatus.QUEUED, ArticleStatus.GENERATING]
        released = await self._session.scalars(
            update(ArticleRow)
            .where(ArticleRow.batch_id == batch_id, ArticleRow.status.in_(unfinished))
            .values(status=ArticleStatus.CANCELLED, finished_at=func.now())
            .returning(ArticleRow.longtail_id)
        )
        await self._session.execute(
            update(LongtailRow).where(LongtailRow.id.in_(list(released))).values(status=LongtailStatus.READY)
        )
        counts = await self.count_articles(batch_id)
        status = Batch.status_of(
            total=sum(counts.values()), needs_review=counts[ArticleStatus.NEEDS_REVIEW], cancelled=cancelled
        )
        error_type, error_message = error or (None, None)
        await self._session.execute(
            update(BatchRow)
            .where(BatchRow.id == batch_id)
            .values(
                status=BatchStatus.FAILED if error and not counts[ArticleStatus.NEEDS_REVIEW] else status,
                closed_at=func.now(),
                error_type=error_type,
                error_message=error_message,
            )
        )

    async def follow_retried_article(self, article_id: ArticleId) -> None:
        """Let the status of a closed batch follow an article that was retried after its end."""
        row = await self._session.scalar(_CLOSED_BATCH, {"article_id": article_id})
        if row is None or row.status == BatchStatus.CANCELLED:
            return
        counts = await self.count_articles(row.id)
        row.status = Batch.status_of(
            total=sum(counts.values()), needs_review=counts[ArticleStatus.NEEDS_REVIEW], cancelled=False
        )

    async def count_articles(self, batch_id: BatchId) -> Counter[ArticleStatus]:
        """How many articles of the batch are in each status."""
        statement = select(ArticleRow.status, func.count()).where(ArticleRow.batch_id == batch_id)
        rows = await self._session.execute(statement.group_by(ArticleRow.status))
        return Counter({ArticleStatus(status): count for status, count in rows})

    async def get(self, batch_id: BatchId) -> Batch:
        """Return the batch. Raises NotFound."""
        row = await self._session.get(BatchRow, batch_id)
        if row is None:
            raise NotFound("batch", batch_id, hint=Hint.LIST_BATCHES)
        return await self._read(row)

    async def find_by_slot(self, site: str, slot: datetime) -> Batch | None:
        """The batch of this site and slot, if it was ever opened."""
        row = await self._session.scalar(select(BatchRow).where(BatchRow.site == site, BatchRow.slot == slot))
        return await self._read(row) if row else None

    async def find_by_workflow(self, site: str, workflow_id: str) -> Batch | None:
        """The batch that this workflow opened or took over, if it came that far."""
        row = await self._session.scalar(
            select(BatchRow).where(BatchRow.site == site, BatchRow.workflow_id == workflow_id)
        )
        return await self._read(row) if row else None

    async def list_ids_by_prefix(self, prefix: str, *, limit: int) -> list[BatchId]:
        """Return ids that begin with ``prefix``, in lower case."""
        begins = cast(BatchRow.id, Text).startswith(prefix, autoescape=True)
        return list(await self._session.scalars(select(BatchRow.id).where(begins).limit(limit)))

    async def list_all(self, *, site: str | None = None, limit: int = 50) -> list[Batch]:
        """Batches, the newest slot first."""
        statement = select(BatchRow).order_by(BatchRow.slot.desc()).limit(limit)
        if site:
            statement = statement.where(BatchRow.site == site)
        return [await self._read(row) for row in await self._session.scalars(statement)]

    async def median_duration(self, site: str) -> timedelta | None:
        """The median time that the site's last twenty complete batches took, if there are any."""
        ended = (
            select((BatchRow.closed_at - BatchRow.opened_at).label("took"))
            .where(BatchRow.site == site, BatchRow.status.in_([BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED]))
            .order_by(BatchRow.closed_at.desc())
            .limit(20)
            .subquery()
        )
        median: timedelta | None = await self._session.scalar(
            select(func.percentile_cont(0.5).within_group(ended.c.took))
        )
        return median

    async def _read(self, row: BatchRow) -> Batch:
        counts = await self.count_articles(row.id)
        columns: dict[str, Any] = {name: getattr(row, name) for name in Batch.model_fields if hasattr(row, name)}
        return Batch(
            **columns,
            total=sum(counts.values()),
            needs_review=counts[ArticleStatus.NEEDS_REVIEW],
            failed=counts[ArticleStatus.FAILED],
            cancelled=counts[ArticleStatus.CANCELLED],
        )
