"""The watchdog's looks and alerts, and what a gap report reads of batches and money."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.batch import Batch
from src.domain.time_range import TimeRange

from .models import AlertRow, ArticleRow, BatchRow, ModelCallRow, WatchRow


class Alert(BaseModel):
    """A slot that somebody has to look at. ``raised_at`` None: it is not kept yet."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    site: str
    slot: datetime
    reason: str  # a gap's outcome, or a forewarning
    message: str
    raised_at: datetime | None = None


class WatchdogRepository:
    """Looks and alerts of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record_run(self, at: datetime, *, alerts: int, keep: timedelta) -> None:
        """Write down one look, and forget those older than ``keep``."""
        await self._session.execute(insert(WatchRow).values(at=at, alerts=alerts).on_conflict_do_nothing())
        await self._session.execute(delete(WatchRow).where(WatchRow.at < at - keep))

    async def list_heartbeat_gaps(self, since: datetime, now: datetime, *, longer_than: timedelta) -> list[TimeRange]:
        """Where two looks lie further apart, or the last one is longer ago; none before the very first look."""
        looks = select(WatchRow.at, func.lag(WatchRow.at).over(order_by=WatchRow.at).label("before")).subquery()
        rows = await self._session.execute(
            select(looks.c.before, looks.c.at)
            .where(looks.c.at >= since, looks.c.at - looks.c.before > longer_than)
            .order_by(looks.c.at)
        )
        found = [TimeRange(start=before, end=at) for before, at in rows]
        last = await self._session.scalar(select(func.max(WatchRow.at)))
        if last is not None and now - last > longer_than:
            found.append(TimeRange(start=last, end=now))
        return found

    async def insert_new_alerts(self, alerts: Sequence[Alert], *, warnings: Sequence[str]) -> list[Alert]:
        """Keep those that are new, and return them. A forewarning gives way once its slot has really passed."""
        new = []
        for alert in alerts:
            statement = insert(AlertRow).values(alert.model_dump(exclude={"raised_at"}))
            row = await self._session.scalar(
                statement.on_conflict_do_update(
                    index_elements=["site", "slot"],
                    set_={"reason": alert.reason, "message": alert.message, "raised_at": func.now()},
                    where=AlertRow.reason.in_(warnings) & statement.excluded.reason.not_in(warnings),
                ).returning(AlertRow),
                execution_options={"populate_existing": True},
            )
            if row is not None:
                new.append(Alert.model_validate(row))
        return new

    async def list_alerts(
        self, site: str | None = None, *, first: datetime | None = None, limit: int = 1000
    ) -> list[Alert]:
        """Alerts, the newest slot first; ``first`` is the oldest slot of interest."""
        statement = select(AlertRow).order_by(AlertRow.slot.desc(), AlertRow.site).limit(limit)
        if site is not None:
            statement = statement.where(AlertRow.site == site)
        if first is not None:
            statement = statement.where(AlertRow.slot >= first)
        return [Alert.model_validate(row) for row in await self._session.scalars(statement)]

    async def list_batches_by_slot(self, site: str, first: datetime, end: datetime) -> dict[datetime, Batch]:
        """The site's batches by slot, from ``first`` up to but not ``end``."""
        counts = {
            name: func.count(ArticleRow.id).filter(ArticleRow.status == status)
            for name, status in (
                ("needs_review", ArticleStatus.NEEDS_REVIEW),
                ("failed", ArticleStatus.FAILED),
                ("cancelled", ArticleStatus.CANCELLED),
            )
        }
        rows = await self._session.execute(
            select(
                BatchRow,
                func.count(ArticleRow.id).label("total"),
                *(count.label(name) for name, count in counts.items()),
            )
            .outerjoin(ArticleRow, ArticleRow.batch_id == BatchRow.id)
            .where(BatchRow.site == site, BatchRow.slot >= first, BatchRow.slot < end)
            .group_by(BatchRow.id)
        )
        found: dict[datetime, Batch] = {}
        for row in rows:
            numbers: dict[str, Any] = {name: getattr(row, name) for name in ("total", *counts)}
            columns = {name: getattr(row.BatchRow, name) for name in Batch.model_fields if name not in numbers}
            found[row.BatchRow.slot] = Batch(**columns, **numbers)
        return found

    async def sum_cost_since(self, site: str, since: datetime) -> Decimal:
        """What the site's priced model calls cost since then, in US dollars."""
        total = await self._session.scalar(
            select(func.sum(ModelCallRow.cost_usd))
            .join(ArticleRow, ArticleRow.id == ModelCallRow.article_id)
            .where(ArticleRow.site == site, ModelCallRow.opened_at >= since)
        )
        return total or Decimal(0)
