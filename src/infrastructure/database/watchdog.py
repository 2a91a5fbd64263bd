"""Runs of the watchdog and the alerts that they raised."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.time_range import TimeRange

from .tables import AlertRow, WatchRow


class Alert(BaseModel):
    """A slot that needs a person.

    ``raised_at`` None: it is not stored yet.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    site: str
    slot: datetime
    reason: str  # an outcome that is a gap, or a schedule warning
    message: str
    raised_at: datetime | None = None


class WatchdogRepository:
    """Runs and alerts of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record_run(self, at: datetime, *, alerts: int, keep: timedelta) -> None:
        """Store one run, and delete those older than ``keep``."""
        await self._session.execute(insert(WatchRow).values(at=at, alerts=alerts).on_conflict_do_nothing())
        await self._session.execute(delete(WatchRow).where(WatchRow.at < at - keep))

    async def list_heartbeat_gaps(self, since: datetime, now: datetime, *, longer_than: timedelta) -> list[TimeRange]:
        """Return gaps longer than ``longer_than`` between runs, including the open one."""
        runs = select(WatchRow.at, func.lag(WatchRow.at).over(order_by=WatchRow.at).label("before")).subquery()
        rows = await self._session.execute(
            select(runs.c.before, runs.c.at)
            .where(runs.c.at >= since, runs.c.at - runs.c.before > longer_than)
            .order_by(runs.c.at)
        )
        found = [TimeRange(start=before, end=at) for before, at in rows]
        last = await self._session.scalar(select(func.max(WatchRow.at)))
        if last is not None and now - last > longer_than:
            found.append(TimeRange(start=last, end=now))
        return found

    async def insert_new_alerts(self, alerts: Sequence[Alert], *, warnings: Sequence[str]) -> list[Alert]:
        """Insert those that are new, and return them.

        A warning is replaced once its slot has passed.
        """
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
        """Return alerts, the newest slot first.

        ``first`` is the oldest slot of interest.
        """
        statement = select(AlertRow).order_by(AlertRow.slot.desc(), AlertRow.site).limit(limit)
        if site is not None:
            statement = statement.where(AlertRow.site == site)
        if first is not None:
            statement = statement.where(AlertRow.slot >= first)
        return [Alert.model_validate(row) for row in await self._session.scalars(statement)]
