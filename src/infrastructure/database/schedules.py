"""Desired schedules with their versions, pauses and backfills.

One writer at a time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.colour import Colour
from src.domain.ids import BackfillId
from src.domain.scheduling.backfill import RequestedSlot
from src.domain.scheduling.schedule import Pause, Schedule, ScheduleVersion

from .tables import BackfillSlotRow, BatchRow, SchedulePauseRow, ScheduleVersionRow, SiteScheduleRow

_LONGEST_WAIT = timedelta(hours=1)


class DesiredSchedule(BaseModel):
    """A site's schedule as the database has it."""

    model_config = ConfigDict(frozen=True)

    site: str
    schedule: Schedule
    colour: Colour
    written: dict[str, Any]  # what Temporal showed after it was written last
    created_at: datetime


class ScheduleRepository:
    """The schedules of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, site: str) -> None:
        """Wait until no other transaction writes the site's schedule.

        Lock it until this one ends.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"schedule/{site}", 0))))

    async def find(self, site: str) -> DesiredSchedule | None:
        """Return the desired schedule, None where there is none."""
        row = await self._session.get(SiteScheduleRow, site, populate_existing=True)
        return _wanted(row) if row else None

    async def list_all(self) -> list[DesiredSchedule]:
        """Return every desired schedule, by site."""
        return [_wanted(row) for row in await self._session.scalars(select(SiteScheduleRow).order_by("site"))]

    async def upsert(self, site: str, schedule: Schedule, *, colour: Colour, written: dict[str, Any], by: str) -> None:
        """Store the desired schedule and a new version of it.

        ``written`` is what Temporal shows of it.
        """
        columns = {"wanted": schedule.model_dump(mode="json"), "colour": colour, "written": written}
        statement = insert(SiteScheduleRow).values(site=site, **columns)
        await self._session.execute(
            statement.on_conflict_do_update(index_elements=["site"], set_=columns | {"updated_at": func.now()})
        )
        await self._end_version(site)
        last = select(func.max(ScheduleVersionRow.number), func.max(ScheduleVersionRow.valid_to)).where(
            ScheduleVersionRow.site == site
        )
        number, ended_at = (await self._session.execute(last)).one()
        await self._session.execute(
            insert(ScheduleVersionRow).values(
                site=site,
                number=(number or 0) + 1,
                schedule=columns["wanted"],
                written_by=by,
                # now() is when the transaction began; another may have begun later and had the lock earlier.
                valid_from=func.greatest(func.now(), ended_at),
            )
        )

    async def delete(self, site: str) -> None:
        """Delete the desired schedule. Its versions, pauses and audit events are kept."""
        await self._session.execute(delete(SiteScheduleRow).where(SiteScheduleRow.site == site))
        await self._end_version(site)

    async def _end_version(self, site: str) -> None:
        await self._session.execute(
            update(ScheduleVersionRow)
            .where(ScheduleVersionRow.site == site, ScheduleVersionRow.valid_to.is_(None))
            .values(valid_to=func.greatest(func.now(), ScheduleVersionRow.valid_from))
        )

    async def list_versions(self, site: str) -> list[ScheduleVersion]:
        """Return what the site's schedule was, the oldest version first."""
        rows = await self._session.scalars(
            select(ScheduleVersionRow).where(ScheduleVersionRow.site == site).order_by(ScheduleVersionRow.number)
        )
        return [ScheduleVersion.model_validate(row) for row in rows]

    # --- pauses

    async def pause(self, site: str, *, by: str, note: str, until: datetime | None) -> None:
        """Begin a pause, or change note and end of the current one."""
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
        """End the current pause. Return whether there was one."""
        ended = await self._session.scalars(
            update(SchedulePauseRow)
            .where(SchedulePauseRow.site == site, SchedulePauseRow.ended_at.is_(None))
            .values(ended_at=func.now(), ended_by=by)
            .returning(SchedulePauseRow.id)
        )
        return ended.first() is not None

    async def find_current_pause(self, site: str) -> Pause | None:
        """Return the current pause, None where there is none."""
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
        """Return every pause, the oldest first."""
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
        """Store that these slots are requested, each with its number of articles."""
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

    async def find_backfill(self, site: str, slot: datetime) -> RequestedSlot | None:
        """Return the newest request of the slot, stopped or not."""
        row = await self._session.scalar(
            select(BackfillSlotRow)
            .where(BackfillSlotRow.site == site, BackfillSlotRow.slot == slot)
            .order_by(BackfillSlotRow.requested_at.desc())
            .limit(1)
        )
        return RequestedSlot.model_validate(row) if row else None

    async def list_backfill_slots(self, backfill_id: BackfillId) -> list[RequestedSlot]:
        """Return the slots that the backfill requested, the oldest first."""
        rows = await self._session.scalars(
            select(BackfillSlotRow).where(BackfillSlotRow.backfill_id == backfill_id).order_by(BackfillSlotRow.slot)
        )
        return [RequestedSlot.model_validate(row) for row in rows]

    async def list_waiting_slots(self, site: str) -> set[datetime]:
        """Return slots requested in the last hour that have not ended.

        Older requests do not count: an overlap policy may have dropped them. Requesting a completed slot is harmless.
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
                BackfillSlotRow.requested_at > func.now() - _LONGEST_WAIT,
                ~ended,
            )
        )
        return set(rows)

    async def stop_backfills(self, site: str) -> list[datetime]:
        """Let no requested slot of the site open a batch.

        Return the slots.
        """
        stopped = await self._session.scalars(
            update(BackfillSlotRow)
            .where(BackfillSlotRow.site == site, BackfillSlotRow.stopped_at.is_(None))
            .values(stopped_at=func.now())
            .returning(BackfillSlotRow.slot)
        )
        return sorted(set(stopped))


def _wanted(row: SiteScheduleRow) -> DesiredSchedule:
    return DesiredSchedule(
        site=row.site,
        schedule=Schedule.model_validate(row.wanted),
        colour=row.colour,
        written=row.written,
        created_at=row.created_at,
    )
