"""What waits, what went live, and the pace of decisions."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import Text

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId
from src.domain.review import DecisionKind

from .tables import ArticleRow, PublicationRow, ReviewDecisionRow, ReviewRow

BANDS = (timedelta(hours=4), timedelta(hours=24), timedelta(hours=48))
_DECIDING = (DecisionKind.APPROVE, DecisionKind.REJECT, DecisionKind.REQUEST_CHANGES)


class WaitingReviews(BaseModel):
    """Texts of a site that wait for a decision.

    Attributes:
        bands: how many by age, the youngest first: below each of ``BANDS``, then older ones.
        overdue: how many wait for longer than the site allows.
        keyword: of the oldest.
    """

    model_config = ConfigDict(frozen=True)

    site: str
    bands: tuple[int, ...]
    overdue: int
    article_id: ArticleId
    keyword: str
    since: datetime

    @property
    def total(self) -> int:
        """Return how many wait."""
        return sum(self.bands)


class LivePage(BaseModel):
    """An article that went live."""

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    site: str
    keyword: str
    reviewer: str
    at: datetime
    is_verified: bool


class Pace(BaseModel):
    """Decisions of the last hour, and of how many people."""

    model_config = ConfigDict(frozen=True)

    decisions: int = 0
    people: int = 0


class TodayRepository:
    """The day's facts in one unit of work.

    Each is one statement over the sites it is given.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_waiting(self, now: datetime, reminders: Mapping[str, timedelta]) -> list[WaitingReviews]:
        """Return what waits on each site; ``reminders`` says how long it may.

        What is put off is left out.
        """
        asked = _each({site: now - wait for site, wait in reminders.items()})
        age = now - ReviewRow.waiting_since
        lower = (timedelta(0), *BANDS)
        bands = [func.count().filter(age >= begin) for begin in lower]
        its = and_(
            ReviewRow.site == asked.c.site,
            ReviewRow.status == ArticleStatus.NEEDS_REVIEW,
            or_(ReviewRow.snoozed_until.is_(None), ReviewRow.snoozed_until <= now),
        )
        counted = (
            select(
                func.count().label("total"),
                *(band.label(f"from_{at}") for at, band in enumerate(bands[1:])),
                func.count().filter(ReviewRow.waiting_since <= asked.c.at).label("overdue"),
            )
            .where(its)
            .correlate(asked)
            .lateral("counted")
        )
        oldest = (
            select(ReviewRow.article_id, ReviewRow.waiting_since)
            .where(its)
            .order_by(ReviewRow.waiting_since, ReviewRow.article_id)
            .limit(1)
            .correlate(asked)
            .lateral("oldest")
        )
        statement = (
            select(asked.c.site, *counted.c, oldest.c.article_id, ArticleRow.keyword, oldest.c.waiting_since)
            .select_from(asked)
            .join(counted, true())
            .join(oldest, true())
            .join(ArticleRow, ArticleRow.id == oldest.c.article_id)
            .order_by(oldest.c.waiting_since)
        )
        return [_waiting(*row) for row in await self._session.execute(statement)]

    async def list_live(self, since: Mapping[str, datetime], *, limit: int) -> tuple[int, list[LivePage]]:
        """Return how many articles went live since then, and the newest."""
        asked = _each(since)
        statement = (
            select(
                func.count().over(),
                *(PublicationRow.article_id, PublicationRow.site, ArticleRow.keyword, PublicationRow.reviewer),
                *(PublicationRow.live_at, PublicationRow.verified_at.is_not(None)),
            )
            .join(asked, and_(PublicationRow.site == asked.c.site, PublicationRow.live_at >= asked.c.at))
            .join(ArticleRow, ArticleRow.id == PublicationRow.article_id)
            .order_by(PublicationRow.live_at.desc())
            .limit(limit)
        )
        rows = (await self._session.execute(statement)).all()
        names = tuple(LivePage.model_fields)
        pages = [LivePage.model_validate(dict(zip(names, row[1:], strict=True))) for row in rows]
        return (rows[0][0] if rows else 0), pages

    async def get_pace(self, since: Mapping[str, datetime]) -> Pace:
        """Return the decisions since then."""
        asked = _each(since)
        statement = (
            select(func.count(), func.count(ReviewDecisionRow.by.distinct()))
            .join(ArticleRow, ArticleRow.id == ReviewDecisionRow.article_id)
            .join(asked, and_(ArticleRow.site == asked.c.site, ReviewDecisionRow.at >= asked.c.at))
            .where(ReviewDecisionRow.kind.in_(_DECIDING))
        )
        decisions, people = (await self._session.execute(statement)).one()
        return Pace(decisions=decisions, people=people)


def _each(moments: Mapping[str, datetime]) -> TableValuedAlias:
    """Return a row for each site; they are two parameters."""
    sites = literal(list(moments), ARRAY(Text))
    at = literal(list(moments.values()), ARRAY(TIMESTAMP(timezone=True)))
    return func.unnest(sites, at).table_valued("site", "at", name="asked").render_derived()


def _waiting(site: str, total: int, *others: object) -> WaitingReviews:
    *older, overdue, article_id, keyword, since = others
    at_least = [total, *older]
    bands = [at_least[i] - at_least[i + 1] for i in range(len(older))] + [older[-1]]  # type: ignore[operator]
    return WaitingReviews.model_validate(
        {
            "site": site,
            "bands": bands,
            "overdue": overdue,
            "article_id": article_id,
            "keyword": keyword,
            "since": since,
        }
    )
