"""Counts of failed logins, by name and by address."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.login import Failures
from src.domain.session import Subject

from .tables import FailedLoginRow


class FailedLoginRepository:
    """The counts of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self) -> None:
        """Wait until no other transaction counts; then be the one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("failed_logins", 0))))

    async def find(self, kind: Subject, subject: str) -> Failures | None:
        """Return the count, None if there is none."""
        wanted = select(FailedLoginRow.count, FailedLoginRow.last_at)
        row = (await self._session.execute(wanted.where(*_is(kind, subject)))).first()
        return Failures(count=row.count, last_at=row.last_at) if row else None

    async def set(self, kind: Subject, subject: str, failures: Failures) -> None:
        """Store the count."""
        values = failures.model_dump()
        statement = insert(FailedLoginRow).values(kind=kind, subject=subject, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["kind", "subject"], set_=values))

    async def take_back(self, kind: Subject, subject: str) -> None:
        """Count one less."""
        statement = update(FailedLoginRow).where(*_is(kind, subject), FailedLoginRow.count > 0)
        await self._session.execute(statement.values(count=FailedLoginRow.count - 1))

    async def clear(self, kind: Subject, subject: str) -> None:
        """Start the count anew."""
        await self._session.execute(delete(FailedLoginRow).where(*_is(kind, subject)))

    async def forget(self, *, before: datetime) -> None:
        """Delete the counts that have not grown since."""
        await self._session.execute(delete(FailedLoginRow).where(FailedLoginRow.last_at < before))


def _is(kind: Subject, subject: str) -> tuple[ColumnElement[bool], ...]:
    return FailedLoginRow.kind == kind, FailedLoginRow.subject == subject
