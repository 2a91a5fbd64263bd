"""Keys of requests, claimed once and kept with the answer."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from .tables import IdempotencyKeyRow


class KeptRequest(BaseModel):
    """A request as its key was first used.

    ``status`` None: it has no answer yet."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    fingerprint: str
    claimed_at: datetime
    status: int | None
    headers: dict[str, Any] | None
    body: str | None


class IdempotencyKeyRepository:
    """The keys of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, person: str, key: str, fingerprint: str) -> bool:
        """Return whether nobody has used the key; then it is this request's."""
        statement = insert(IdempotencyKeyRow).values(person=person, key=key, fingerprint=fingerprint)
        claimed = await self._session.scalar(statement.on_conflict_do_nothing().returning(IdempotencyKeyRow.key))
        return claimed is not None

    async def find(self, person: str, key: str) -> KeptRequest | None:
        """Return the request that has the key, if there is one."""
        row = await self._session.scalar(
            select(IdempotencyKeyRow).where(IdempotencyKeyRow.person == person, IdempotencyKeyRow.key == key)
        )
        return KeptRequest.model_validate(row) if row else None

    async def keep(self, person: str, key: str, *, status: int, headers: dict[str, str], body: str | None) -> None:
        """Store the answer, unless one is.

        ``body`` is None for one that holds a secret.
        """
        await self._session.execute(
            update(IdempotencyKeyRow)
            .where(IdempotencyKeyRow.person == person, IdempotencyKeyRow.key == key, IdempotencyKeyRow.status.is_(None))
            .values(status=status, headers=headers, body=body, finished_at=func.now())
        )

    async def give_back(self, person: str, key: str) -> None:
        """Forget a request that changed nothing."""
        await self._session.execute(
            delete(IdempotencyKeyRow).where(
                IdempotencyKeyRow.person == person, IdempotencyKeyRow.key == key, IdempotencyKeyRow.status.is_(None)
            )
        )

    async def forget(self, *, older_than: timedelta) -> None:
        """Forget what was claimed longer ago."""
        await self._session.execute(
            delete(IdempotencyKeyRow).where(IdempotencyKeyRow.claimed_at < func.now() - older_than)
        )
