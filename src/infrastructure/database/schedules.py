"""Wanted schedules, their pauses and who changed them: one writer at a time, held by a lock of the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.colour import Colour
from src.domain.ids import BackfillId
from src.domain.scheduling.schedule import Pause, Schedule

from .models import AuditEventRow, BackfillSlotRow, BatchRow, SchedulePauseRow, SiteScheduleRow

_NOUN = "schedule"
_WAITS_AT_MOST = timedelta(hours=1)


class DesiredSchedule(BaseModel):
    """A site's schedule as the database has it."""

    model_config = ConfigDict(frozen=True)

    site: str
    schedule: Schedule
    colour: Colour
    written: dict[str, Any]  # what Temporal showed after it was written last
    created_at: datetime


class ScheduleEvent(BaseModel):
    """One entry of the audit trail; ``schedule`` None says that from then on there was none."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ScheduleRepository:
    """The schedules of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, site: str) -> None:
        """Wait until no other transaction writes this site's schedule; held until this one ends."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"schedule/{site}", 0))))

    async def find(self, site: str) -> DesiredSchedule | None:
        """The wanted schedule, if there is one."""
        row = await self._session.get(SiteScheduleRow, site, populate_existing=True)
        return _wanted(row) if row else None

    async def list_all(self) -> list[DesiredSchedule]:
        """Every wanted schedule, by site."""
        return [_wanted(row) for row in await self._session.scalars(select(SiteScheduleRow).order_by("site"))]

    async def upsert(self, site: str, schedule: Schedule, *, colour: Colour, written: dict[str, Any]) -> None:
        """Keep what is wanted and what Temporal showed."""
        columns = {"wanted": schedule.model_dump(mode="json"), "colour": colour, "written": written}
        statement = insert(SiteScheduleRow).values(site=site, **columns)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["site"], set_=columns | {"updated_at": func.now()})
        )

    async def delete(self, site: str) -> None:
        """Want none any more; pauses and the audit trail stay."""
        await self._session.execute(delete(SiteScheduleRow).where(SiteScheduleRow.site == site))

    # --- pauses

    async def pause(self, site: str, *, by: str, note: str, until: datetime | None) -> None:
        """Begin a pause, or change the note and end of the one that lasts."""
        statement = insert(SchedulePauseRow).values(
            id=func.gen_random_uuid(), site=site, started_by=by, note=note, until=until
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["site"],
                index_where=SchedulePauseRow.ended_at.is_(None),
                set_={"note": note, "until": until},
            )
        )

    async def resume(self, site: str, *, by: str) -> bool:
        """End the pause that lasts. Returns whether there was one."""
        ended = await self._session.scalars(
            update(SchedulePauseRow)
            .where(SchedulePauseRow.site == site, SchedulePauseRow.ended_at.is_(None))
            .values(ended_at=func.now(), ended_by=by)
            .returning(SchedulePauseRow.id)
        )
        return ended.first() is not None

    async def find_current_pause(self, site: str) -> Pause | None:
        """The pause that lasts, if there is one."""
        row = await self._session.scalar(
            select(SchedulePauseRow)
            .where(SchedulePauseRow.site == site, SchedulePauseRow.ended_at.is_(None))
            .execution_options(populate_existing=True)
        )
        return Pause.model_validate(row) if row else None

    async def list_current_pauses(self) -> dict[str, Pause]:
        """Return the pauses that have not ended, by site."""
        rows = await self._session.scalars(select(SchedulePauseRow).where(SchedulePauseRow.ended_at.is_(None)))
        return {row.site: Pause.model_validate(row) for row in rows}

    async def list_pauses(self, site: str) -> list[Pause]:
        """Every pause there was, the oldest first."""
        rows = await self._session.scalars(
            select(SchedulePauseRow).where(SchedulePauseRow.site == site).order_by(SchedulePauseRow.started_at)
        )
        return [Pause.model_validate(row) for row in rows]

    # --- backfills

    async def insert_backfill(
        self,
        backfill_id: BackfillId,
        site: str,
        slots: Sequence[datetime],
        *,
        articles: Sequence[int | None],
        force: bool,
        by: str,
    ) -> None:
        """Note that these slots are to be made up, each with its number of articles."""
        rows = [
            {
                "backfill_id": backfill_id,
                "site": site,
                "slot": slot,
                "articles": count,
                "force": force,
                "requested_by": by,
            }
            for slot, count in zip(slots, articles, strict=True)
        ]
        if rows:
            await self._session.execute(insert(BackfillSlotRow).values(rows))

    async def find_backfill(self, site: str, slot: datetime) -> BackfillSlotRow | None:
        """The newest request to make up this slot, stopped or not."""
        row: BackfillSlotRow | None = await self._session.scalar(
            select(BackfillSlotRow)
            .where(BackfillSlotRow.site == site, BackfillSlotRow.slot == slot)
            .order_by(BackfillSlotRow.requested_at.desc())
            .limit(1)
        )
        return row

    async def list_backfill_slots(self, backfill_id: BackfillId) -> list[BackfillSlotRow]:
        """The slots that one backfill asked for, the oldest first."""
        rows = await self._session.scalars(
            select(BackfillSlotRow).where(BackfillSlotRow.backfill_id == backfill_id).order_by(BackfillSlotRow.slot)
        )
        return list(rows)

    async def list_waiting_slots(self, site: str) -> set[datetime]:
        """Slots that somebody asked to be made up a short while ago and that have not ended since.

        Older requests do not count: a policy may have dropped them. Asking again is harmless, since a done slot has
        nothing to do.
        """
        ended = (
            select(BatchRow.id)
            .where(
                BatchRow.site == BackfillSlotRow.site,
                BatchRow.slot == BackfillSlotRow.slot,
                BatchRow.closed_at >= BackfillSlotRow.requested_at,
            )
            .exists()
        )
        rows = await self._session.scalars(
            select(BackfillSlotRow.slot).where(
                BackfillSlotRow.site == site,
                BackfillSlotRow.stopped_at.is_(None),
                BackfillSlotRow.requested_at > func.now() - _WAITS_AT_MOST,
                ~ended,
            )
        )
        return set(rows)

    async def stop_backfills(self, site: str) -> list[datetime]:
        """Let no requested slot of the site open a batch any more. Returns the slots."""
        stopped = await self._session.scalars(
            update(BackfillSlotRow)
            .where(BackfillSlotRow.site == site, BackfillSlotRow.stopped_at.is_(None))
            .values(stopped_at=func.now())
            .returning(BackfillSlotRow.slot)
        )
        return sorted(set(stopped))

    # --- the audit trail

    async def record_change(
        self, site: str, *, who: str, action: str, before: dict[str, Any] | None, after: dict[str, Any] | None
    ) -> None:
        """Write down who did what."""
        columns = {"who": who, "action": action, "noun": _NOUN, "subject": site, "before": before, "after": after}
        await self._session.execute(insert(AuditEventRow).values(id=func.gen_random_uuid(), **columns))

    async def list_history(self, site: str) -> list[ScheduleEvent]:
        """The site's audit trail, the oldest first."""
        rows = await self._session.scalars(
            select(AuditEventRow)
            .where(AuditEventRow.noun == _NOUN, AuditEventRow.subject == site)
            .order_by(AuditEventRow.at)
        )
        return [
            ScheduleEvent(at=row.at, who=row.who, action=row.action, before=row.before, after=row.after) for row in rows
        ]


def _wanted(row: SiteScheduleRow) -> DesiredSchedule:
    return DesiredSchedule(
        site=row.site,
        schedule=Schedule.model_validate(row.wanted),
        colour=row.colour,
        written=row.written,
        created_at=row.created_at,
    )
