"""Reviews as rows: who looks at what, and what waits.

An article and its review are locked by the article's row, so that two decisions never meet.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.errors import Hint, NotFound
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Order, Page
from src.domain.review import Review

from .review_pages import REVIEW, queue
from .tables import ArticleRevisionRow, ArticleRow, ReviewDecisionRow, ReviewRow

CLAIM = timedelta(minutes=10)  # a claim lapses so long after the last step of who has it
_IN_REVIEW = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.CHANGES_REQUESTED)
_COMPLETE = tuple(status for status in ArticleStatus if status.is_complete)
ENDED = (ArticleStatus.APPROVED, ArticleStatus.REJECTED, ArticleStatus.PARKED, ArticleStatus.WITHDRAWN)


class LockedArticle(BaseModel):
    """An article under review, and nobody else changes it now."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: ArticleId
    site: str
    keyword: str
    status: ArticleStatus
    stage_revision: int
    now: datetime  # of the database


class QueuedReview(Review):
    """A review as lists show it.

    Attributes:
        revision: the newest one of the text; None: an earlier version made it, and stored none.
        author: the person who made that revision; None for a machine.
    """

    site: str
    keyword: str
    status: ArticleStatus
    revision: int | None
    content_hash: str | None
    made_by: str | None
    author: str | None


class ReviewRepository:
    """The reviews of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, article_id: ArticleId) -> LockedArticle:
        """Lock the article and its review until the transaction ends.

        A review is made if there is none.

        Raises NotFound for no such article.
        """
        columns = (ArticleRow.id, ArticleRow.site, ArticleRow.keyword, ArticleRow.status)
        statement = select(*columns, ArticleRow.revision.label("stage_revision"), func.now().label("now"))
        locked = statement.where(ArticleRow.id == article_id).with_for_update(key_share=True)
        row = (await self._session.execute(locked)).one_or_none()
        if row is None:
            raise NotFound("article", article_id, hint=Hint.LIST_ARTICLES)
        await self._session.execute(insert(ReviewRow).values(article_id=article_id).on_conflict_do_nothing())
        return LockedArticle.model_validate(row)

    async def find_site(self, article_id: ArticleId) -> tuple[str, bool]:
        """Return the article's site, and whether text and review exist.

        The text is of its newest stages once they are done, till then of those before. Raises NotFound.
        """
        its = ArticleRevisionRow.article_id == ArticleRow.id
        is_under_way = and_(ArticleRow.status.not_in(_COMPLETE), exists().where(its))
        has_text = or_(is_under_way, exists().where(its, ArticleRevisionRow.stage_revision == ArticleRow.revision))
        has_review = exists().where(ReviewRow.article_id == ArticleRow.id)
        statement = select(ArticleRow.site, and_(has_text, has_review)).where(ArticleRow.id == article_id)
        row = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise NotFound("article", article_id, hint=Hint.LIST_ARTICLES)
        site, is_ready = row
        return site, is_ready

    async def get(self, article_id: ArticleId) -> Review:
        """Return the review. Raises NotFound."""
        row = (await self._session.execute(select(*REVIEW).where(ReviewRow.article_id == article_id))).one_or_none()
        if row is None:
            raise NotFound("review", article_id, hint=Hint.LIST_ARTICLES)
        return Review.model_validate(row)

    async def begin_waiting(self, article_id: ArticleId) -> None:
        """Note that a text awaits a decision from now on."""
        waiting = {"waiting_since": func.now(), "snoozed_until": None, "reminded_at": None}
        statement = insert(ReviewRow).values(article_id=article_id)
        await self._session.execute(statement.on_conflict_do_update(index_elements=["article_id"], set_=waiting))

    async def set(self, article_id: ArticleId, **columns: Any) -> Review:  # noqa: ANN401 - a column's value
        """Change the review, which exists, and return it."""
        changed = update(ReviewRow).where(ReviewRow.article_id == article_id).values(**columns).returning(*REVIEW)
        row = await self._session.execute(changed.execution_options(synchronize_session=False))
        return Review.model_validate(row.one())

    async def claim(self, article_id: ArticleId, person: str) -> Review:
        """Note that the person looks at it for the next ten minutes."""
        return await self.set(article_id, claimed_by=person, claimed_until=func.now() + CLAIM)

    async def list_queue(
        self,
        *,
        sites: Collection[str] | None,
        statuses: Collection[ArticleStatus],
        assignee: str | None,
        claimed: bool | None,
        snoozed: bool,
        excerpt: Excerpt[MomentPosition],
    ) -> Page[QueuedReview, MomentPosition]:
        """Return a page of reviews by how long they wait.

        ``sites`` None is all. ``claimed`` says whether somebody looks at them now.
        Those that are snoozed are left out unless ``snoozed``.
        """
        conditions: list[ColumnElement[bool]] = []
        if assignee is not None:
            conditions.append(ReviewRow.assignee == assignee)
        if claimed is not None:
            is_claimed = ReviewRow.claimed_until > func.now()
            conditions.append(is_claimed if claimed else ~func.coalesce(is_claimed, False))
        if not snoozed:
            conditions.append(func.coalesce(ReviewRow.snoozed_until, func.now()) <= func.now())
        return await self._list_queue(*conditions, sites=sites, statuses=statuses, excerpt=excerpt)

    async def _list_queue(
        self,
        *conditions: ColumnElement[bool],
        sites: Collection[str] | None,
        statuses: Collection[ArticleStatus],
        excerpt: Excerpt[MomentPosition],
    ) -> Page[QueuedReview, MomentPosition]:
        rows = await self._session.execute(queue(*conditions, sites=sites, statuses=statuses, excerpt=excerpt))
        found = [QueuedReview.model_validate(row) for row in rows]
        return Page.of(
            [(each, MomentPosition(at=each.waiting_since, id=each.article_id)) for each in found], excerpt.limit
        )

    async def count_snoozed(self, *, sites: Collection[str] | None, status: ArticleStatus, assignee: str | None) -> int:
        """Return how many reviews ``list_queue`` leaves out because they are put off.

        ``sites`` None is all.
        """
        statement = select(func.count()).select_from(ReviewRow).join(ArticleRow, ArticleRow.id == ReviewRow.article_id)
        statement = statement.where(ReviewRow.snoozed_until > func.now(), ArticleRow.status == status)
        if sites is not None:
            statement = statement.where(ArticleRow.site.in_(sites))
        if assignee is not None:
            statement = statement.where(ReviewRow.assignee == assignee)
        return (await self._session.execute(statement)).scalar_one()

    async def list_decided(self) -> list[tuple[ArticleId, ArticleStatus]]:
        """Return the articles that were decided on, and what they are."""
        decided = exists().where(ReviewDecisionRow.article_id == ArticleRow.id)
        statement = select(ArticleRow.id, ArticleRow.status).where(or_(ArticleRow.status.in_(ENDED), decided))
        rows = await self._session.execute(statement)
        return [(ArticleId(article_id), ArticleStatus(status)) for article_id, status in rows]

    # --- the watchdog's side

    async def list_unchecked(self, *, every: timedelta, limit: int) -> list[tuple[ArticleId, str, str]]:
        """Return articles in review whose workflow was not seen lately.

        Each has id, site and keyword.

        Those that were never seen come first.
        """
        unseen = func.coalesce(ReviewRow.checked_at <= func.now() - every, True)
        statement = (
            select(ArticleRow.id, ArticleRow.site, ArticleRow.keyword)
            .join(ReviewRow, ReviewRow.article_id == ArticleRow.id)
            .where(ReviewRow.status.in_(_IN_REVIEW), unseen)
            .order_by(ReviewRow.checked_at.nulls_first(), ReviewRow.waiting_since)
            .limit(limit)
        )
        return [(ArticleId(row.id), row.site, row.keyword) for row in await self._session.execute(statement)]

    async def list_sites(self, article_ids: Sequence[ArticleId]) -> dict[ArticleId, tuple[str, str]]:
        """Return site and keyword of the articles."""
        statement = select(ArticleRow.id, ArticleRow.site, ArticleRow.keyword).where(ArticleRow.id.in_(article_ids))
        return {ArticleId(row.id): (row.site, row.keyword) for row in await self._session.execute(statement)}

    async def mark_checked(self, article_ids: Sequence[ArticleId]) -> None:
        """Note that the workflows of these reviews run.

        They are locked in the order of their ids, so that two who do it end.
        """
        its = select(ReviewRow.article_id).where(ReviewRow.article_id.in_(article_ids)).order_by(ReviewRow.article_id)
        checked = update(ReviewRow).where(ReviewRow.article_id.in_(its.with_for_update(key_share=True)))
        await self._session.execute(
            checked.values(checked_at=func.now()), execution_options={"synchronize_session": False}
        )

    async def list_reminded(self, *, limit: int) -> list[QueuedReview]:
        """Return reviews that have waited for longer than their site's reminder."""
        page = await self._list_queue(
            ReviewRow.reminded_at.is_not(None),
            sites=None,
            statuses=(ArticleStatus.NEEDS_REVIEW,),
            excerpt=Excerpt[MomentPosition](limit=limit, order=Order.OLDEST),
        )
        return page.items
