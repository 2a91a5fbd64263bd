"""Looks of the watchdog: a gap between them is an outage."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.time_range import TimeRange

from .tables import WatchRow


class WatchdogRepository:
    """The watchdog's looks of one unit of work."""

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
