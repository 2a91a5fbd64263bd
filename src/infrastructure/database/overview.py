"""Counts of what waits and what runs, in one statement."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, ScalarSelect, func, null, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus

from .tables import AlertRow, BatchRow, ReviewRow, SiteRow

_WAITING = (
    ReviewRow.status == ArticleStatus.NEEDS_REVIEW,
    or_(ReviewRow.snoozed_until.is_(None), ReviewRow.snoozed_until <= func.now()),
)


class CountRow(NamedTuple):
    """The counts, as the statement returns them."""

    reviews: int | None
    batches: int
    sites: int
    alerts: int


class OverviewRepository:
    """The counts of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def count(self, *, sites: Collection[str] | None, but_reviews: bool = False) -> CountRow:
        """Return the counts of these sites; None: of all.

        With ``but_reviews`` those are not counted, and None.
        """

        def within(column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None]) -> ColumnElement[bool]:
            return true() if sites is None else column.in_(sites)

        def counted(table: type[object], *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
            return select(func.count()).select_from(table).where(*conditions).scalar_subquery()

        row = await self._session.execute(
            select(
                null() if but_reviews else counted(ReviewRow, *_WAITING, within(ReviewRow.site)),
                counted(BatchRow, BatchRow.status == BatchStatus.RUNNING, within(BatchRow.site)),
                counted(SiteRow, within(SiteRow.slug)),
                counted(AlertRow, AlertRow.until.is_(None), AlertRow.raised_at.is_not(None), within(AlertRow.site)),
            )
        )
        return CountRow(*row.one())

    async def count_reviews_by_site(self) -> dict[str, int]:
        """Return how many texts of each site wait for a decision now."""
        counted = select(ReviewRow.site, func.count().label("waiting")).where(*_WAITING).group_by(ReviewRow.site)
        return {row.site: row.waiting for row in await self._session.execute(counted)}
