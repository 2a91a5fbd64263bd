"""The audit trail: who changed what, when, from what to what.

Nothing is decided from it.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from .tables import AuditEventRow


class AuditEvent(BaseModel):
    """One change.

    ``before`` and ``after`` are what it changed, None where there was or is nothing.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    at: datetime
    who: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditRepository:
    """The audit trail of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def record(
        self,
        noun: str,
        subject: str,
        *,
        who: str,
        action: str,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Record a change of the noun that ``subject`` names."""
        columns = {"who": who, "action": action, "noun": noun, "subject": subject, "before": before, "after": after}
        await self._session.execute(insert(AuditEventRow).values(id=func.gen_random_uuid(), **columns))

    async def list_for(self, noun: str, subject: str) -> list[AuditEvent]:
        """Return the changes of a subject, the oldest first."""
        rows = await self._session.scalars(
            select(AuditEventRow)
            .where(AuditEventRow.noun == noun, AuditEventRow.subject == subject)
            .order_by(AuditEventRow.at)
        )
        return [AuditEvent.model_validate(row) for row in rows]
