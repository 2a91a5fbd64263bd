"""What waits now, and for how long, over all sites."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, ColumnExpressionArgument, Interval, ScalarSelect, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from src.domain.alert import AlertKind
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour

from .tables import AlertRow, ArticleRow, BatchRow, PublicationRow, ReviewRow, WorkerRow
from .tables.publications import OPEN

_PATIENCE_MS = 3000  # of the database; who asks is in no hurry, and nobody waits behind it
_INTERNAL = ".%"  # sites of our own, which no list shows


class Backlog(NamedTuple):
    """How much waits, and since when at the longest.

    Attributes:
        workers: those that live, by colour.
    """

    queued: int
    queued_for: timedelta
    generating: int
    reviews: int
    review_for: timedelta
    publications: int
    publication_overdue: timedelta
    batches: int
    alerts: Mapping[AlertKind, int]
    workers: Mapping[Colour, int]


class BacklogRepository:
    """The backlog of one unit of work.

    Each count has an index over what is unfinished alone.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def read(self, *, alive: timedelta) -> Backlog:
        """Return the backlog, in three statements.

        A worker that was seen within ``alive`` lives.
        """
        await self._session.execute(text(f"SET LOCAL statement_timeout = {_PATIENCE_MS}"))
        counts = (await self._session.execute(select(*_articles(), *_reviews(), *_publications(), _batches()))).one()
        alerts = await self._session.execute(
            select(AlertRow.kind, func.count())
            .where(AlertRow.until.is_(None), AlertRow.raised_at.is_not(None))
            .group_by(AlertRow.kind)
        )
        workers = await self._session.execute(
            select(WorkerRow.colour, func.count())
            .where(
                WorkerRow.said_goodbye_at.is_(None),
                WorkerRow.taken_over_at.is_(None),
                WorkerRow.last_seen_at > func.now() - alive,
            )
            .group_by(WorkerRow.colour)
        )
        return Backlog(
            *counts,
            alerts={AlertKind(kind): count for kind, count in alerts},
            workers={Colour(colour): count for colour, count in workers},
        )


def _articles() -> tuple[ScalarSelect[int], ScalarSelect[timedelta], ScalarSelect[int]]:
    queued = ArticleRow.status == ArticleStatus.QUEUED
    its_own = ArticleRow.site.not_like(_INTERNAL)
    since = func.greatest(ArticleRow.created_at, BatchRow.opened_at)  # of an older one that a later batch took up
    return (
        select(func.count()).select_from(ArticleRow).where(queued, its_own).scalar_subquery(),
        _longest(since, queued, its_own, ArticleRow.batch_id == BatchRow.id),
        select(func.count())
        .select_from(ArticleRow)
        .where(ArticleRow.status == ArticleStatus.GENERATING, its_own)
        .scalar_subquery(),
    )


def _reviews() -> tuple[ScalarSelect[int], ScalarSelect[timedelta]]:
    waiting = (
        ReviewRow.status == ArticleStatus.NEEDS_REVIEW,
        or_(ReviewRow.snoozed_until.is_(None), ReviewRow.snoozed_until <= func.now()),
        ReviewRow.site.not_like(_INTERNAL),
    )
    counted = select(func.count()).select_from(ReviewRow).where(*waiting).scalar_subquery()
    return counted, _longest(ReviewRow.waiting_since, *waiting)


def _publications() -> tuple[ScalarSelect[int], ScalarSelect[timedelta]]:
    is_open = text(OPEN)
    counted = select(func.count()).select_from(PublicationRow).where(is_open).scalar_subquery()
    return counted, _longest(PublicationRow.due_at, is_open, PublicationRow.due_at < func.now())


def _batches() -> ScalarSelect[int]:
    running = (BatchRow.status == BatchStatus.RUNNING, BatchRow.site.not_like(_INTERNAL))
    return select(func.count()).select_from(BatchRow).where(*running).scalar_subquery()


def _longest(
    since: ColumnElement[datetime] | InstrumentedAttribute[datetime], *conditions: ColumnExpressionArgument[bool]
) -> ScalarSelect[timedelta]:
    """Return how long the oldest has waited, nothing if none does."""
    waited: ColumnElement[timedelta] = func.coalesce(func.now() - func.min(since), timedelta(0), type_=Interval)
    return select(waited).where(*conditions).scalar_subquery()
