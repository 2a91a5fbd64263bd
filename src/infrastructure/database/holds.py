"""Holds: changed one at a time, never while a batch opens."""

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.hold import Hold, HoldDepth, HoldState

from .tables import HoldRow

_LOCK = func.hashtextextended("holds", 0)


class HoldRepository:
    """The holds of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def upsert(self, site: str | None, *, depth: HoldDepth, note: str, by: str) -> Hold | None:
        """Hold the site, None for all, or change its hold.

        Return the one before.

        Waits for batches that are opening.
        """
        version = await self._next_version()
        before = await self._find_current(site)
        if before is None:
            statement = insert(HoldRow).values(site=site, version=version, held_by=by, depth=depth, note=note)
            await self._session.execute(statement)
        else:
            await self._change(site, version=version, depth=depth, note=note)
        return before

    async def release(self, site: str | None, *, by: str) -> Hold | None:
        """End the hold on the site, None for that on all.

        Return it, None if there was none.
        """
        version = await self._next_version()
        before = await self._find_current(site)
        if before is not None:
            await self._change(site, version=version, released_by=by, released_at=func.now())
        return before

    async def get_state(self, site: str, *, opening: bool = False) -> HoldState:
        """Return what holds for the site.

        With ``opening`` no hold changes until this transaction ends.
        """
        if opening:
            await self._session.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))
        depths = func.array_agg(HoldRow.depth).filter(HoldRow.released_at.is_(None))
        row = await self._session.execute(
            select(func.coalesce(func.max(HoldRow.version), 0), depths).where(_concerns(site))
        )
        version, held = row.one()
        return HoldState.of((HoldDepth(depth) for depth in held or ()), version=version)

    async def list_current(self, site: str | None = None) -> list[Hold]:
        """Return the current holds, the one on all sites first.

        With ``site`` those that concern it.
        """
        statement = select(HoldRow).where(HoldRow.released_at.is_(None)).order_by(HoldRow.site.nulls_first())
        if site is not None:
            statement = statement.where(_concerns(site))
        return [Hold.model_validate(row) for row in await self._session.scalars(statement)]

    # --- rows

    async def _next_version(self) -> int:
        """Wait until no other transaction changes a hold or opens a batch.

        Return this change's number.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return await self._session.scalar(select(func.coalesce(func.max(HoldRow.version), 0) + 1)) or 1

    async def _find_current(self, site: str | None) -> Hold | None:
        row = await self._session.scalar(select(HoldRow).where(*_is_current(site)))
        return Hold.model_validate(row) if row else None

    async def _change(self, site: str | None, **columns: object) -> None:
        await self._session.execute(update(HoldRow).where(*_is_current(site)).values(**columns))


def _concerns(site: str) -> ColumnElement[bool]:
    return or_(HoldRow.site == site, HoldRow.site.is_(None))


def _is_current(site: str | None) -> tuple[ColumnElement[bool], ...]:
    return HoldRow.site.is_not_distinct_from(site), HoldRow.released_at.is_(None)
