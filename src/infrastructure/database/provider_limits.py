"""Limits of providers, shared by the workers of both colours."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.rate_limit import ProviderLimit

from .tables import ProviderLimitRow

T = TypeVar("T")
LimitKey = tuple[str, str]  # endpoint and model


class ProviderLimitRepository:
    """The limits of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_all(self) -> dict[LimitKey, ProviderLimit]:
        """Return every limit that was ever met, by endpoint and model."""
        rows = await self._session.scalars(select(ProviderLimitRow))
        return {(row.endpoint, row.model): ProviderLimit.model_validate(row) for row in rows}

    async def change(
        self, key: LimitKey, rule: Callable[[ProviderLimit, datetime], tuple[ProviderLimit, T]]
    ) -> tuple[ProviderLimit, T]:
        """Store what ``rule`` makes of the limit at the database's time.

        Return the limit and what the rule returned beside it. The row is locked until the transaction ends.
        """
        endpoint, model = key
        this = (ProviderLimitRow.endpoint == endpoint, ProviderLimitRow.model == model)
        locked = select(ProviderLimitRow, func.clock_timestamp()).where(*this).with_for_update()
        row = (await self._session.execute(locked)).one_or_none()
        if row is None:
            await self._session.execute(
                insert(ProviderLimitRow).values(endpoint=endpoint, model=model).on_conflict_do_nothing()
            )
            row = (await self._session.execute(locked)).one()
        known = ProviderLimit.model_validate(row[0])
        changed, result = rule(known.clamped(row[1]), row[1])
        if changed != known:
            await self._session.execute(
                update(ProviderLimitRow)
                .where(*this)
                .values(changed.model_dump())
                .execution_options(synchronize_session=False)
            )
        return changed, result
