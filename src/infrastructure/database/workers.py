"""Workers as they registered themselves."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.colour import Colour
from src.domain.running_code import RunningCode

from .tables import WorkerRow

SEEN_LATELY = timedelta(minutes=1)  # as long as a worker's lease


class RegisteredWorker(BaseModel):
    """One worker process.

    Attributes:
        generation: of its workflow code; None, as the next three: a version that does not say.
        migration: the newest one that it knows.
        prompts: stage -> hash.
        settings: those that deployments change.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    instance: str
    colour: Colour
    host: str
    pid: int
    process_started_at: float  # seconds since 1970
    code_version: str
    slots: int
    generation: int | None = None
    migration: str | None = None
    prompts: dict[str, str] | None = None
    settings: dict[str, Any] | None = None


class WorkerRecord(RegisteredWorker):
    """A worker and what became of it. Times are the database's.

    Attributes:
        read_at: when this was read.
    """

    started_at: datetime
    last_seen_at: datetime
    draining_at: datetime | None
    said_goodbye_at: datetime | None
    taken_over_at: datetime | None
    read_at: datetime

    @property
    def is_alive(self) -> bool:
        """Return whether it was seen lately and did not say goodbye."""
        has_ended = self.said_goodbye_at or self.taken_over_at
        return not has_ended and self.read_at - self.last_seen_at < SEEN_LATELY

    @property
    def code(self) -> RunningCode:
        """Return what it runs."""
        return RunningCode(
            version=self.code_version,
            generation=self.generation,
            migration=self.migration,
            prompts=self.prompts,
            settings=self.settings,
        )


class WorkerRepository:
    """The workers of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def register(self, worker: RegisteredWorker) -> None:
        """Insert the worker; safe to repeat."""
        await self._session.execute(
            insert(WorkerRow).values(worker.model_dump(exclude_none=True)).on_conflict_do_nothing()
        )

    async def beat(self, instance: str) -> None:
        """Note that the worker lives."""
        await self._set(instance, last_seen_at=func.now())

    async def start_draining(self, instance: str) -> None:
        """Note that the worker polls no more."""
        await self._set(instance, draining_at=func.now(), last_seen_at=func.now())

    async def say_goodbye(self, instance: str) -> None:
        """Note that the worker ended and holds nothing."""
        await self._set(instance, said_goodbye_at=func.now(), last_seen_at=func.now())

    async def mark_taken_over(self, instance: str) -> None:
        """Note that a dead worker's activities went to others."""
        await self._set(instance, taken_over_at=func.now())

    async def _set(self, instance: str, **columns: object) -> None:
        await self._session.execute(
            update(WorkerRow)
            .where(WorkerRow.instance == instance)
            .values(**columns)
            .execution_options(synchronize_session=False)
        )

    async def find(self, instance: str) -> WorkerRecord | None:
        """Return the worker, None if it never registered."""
        found = await self._list(WorkerRow.instance == instance)
        return found[0] if found else None

    async def list_unended(self) -> Sequence[WorkerRecord]:
        """Return workers that neither said goodbye nor were taken over."""
        return await self._list(WorkerRow.said_goodbye_at.is_(None), WorkerRow.taken_over_at.is_(None))

    async def list_latest(self, colour: Colour) -> Sequence[WorkerRecord]:
        """Return the colour's living workers, newest first.

        If none lives, return the one that began last.
        """
        found = sorted(await self._list(WorkerRow.colour == colour), key=lambda each: each.started_at, reverse=True)
        return [each for each in found if each.is_alive] or found[:1]

    async def sum_slots(self, colour: Colour, *, seen_within_seconds: float) -> int:
        """Return how many model calls the colour's workers make at once."""
        alive = WorkerRow.last_seen_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seen_within_seconds)
        total = await self._session.scalar(
            select(func.sum(WorkerRow.slots)).where(
                WorkerRow.colour == colour,
                WorkerRow.said_goodbye_at.is_(None),
                WorkerRow.taken_over_at.is_(None),
                WorkerRow.draining_at.is_(None),
                alive,
            )
        )
        return total or 0

    async def _list(self, *conditions: object) -> list[WorkerRecord]:
        rows = await self._session.execute(select(WorkerRow, func.now()).where(*conditions))  # type: ignore[arg-type]
        return [
            WorkerRecord(
                read_at=now, **{name: getattr(row, name) for name in WorkerRecord.model_fields if name != "read_at"}
            )
            for row, now in rows
        ]
