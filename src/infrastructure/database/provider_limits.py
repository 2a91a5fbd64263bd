"""Limits of providers, shared by the workers of both colours."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.ids import ArticleId
from src.domain.rate_limit import ModelWait, ProviderLimit

from .tables import ModelCallRow, ProviderLimitRow

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

    async def list_waits(self, models: Collection[str], article_ids: Collection[ArticleId]) -> list[ModelWait]:
        """Return the models that take no request now.

        Of those with these names, and of those that the articles called.
        """
        called = select(ModelCallRow.model).where(ModelCallRow.article_id == func.any(list(article_ids)))
        is_meant = or_(ProviderLimitRow.model.in_(models), ProviderLimitRow.model.in_(called))
        statement = select(ProviderLimitRow, func.clock_timestamp()).where(is_meant)
        waits = []
        for row, now in await self._session.execute(
            statement.order_by(ProviderLimitRow.model, ProviderLimitRow.endpoint)
        ):
            limit = ProviderLimit.model_validate(row).clamped(now)
            if until := limit.waited_until(now):
                is_out = limit.is_out_of_order
                waits.append(ModelWait(model=row.model, endpoint=row.endpoint, until=until, is_out_of_order=is_out))
        return waits

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
