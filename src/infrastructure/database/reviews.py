"""Reviews as rows: who looks at what, and what waits.

An article and its review are locked by the article's row, so that two decisions never meet.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.errors import Hint, NotFound
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Order, Page
from src.domain.review import Review

from .pages import in_order
from .tables import ArticleRevisionRow, ArticleRow, ReviewDecisionRow, ReviewRow

CLAIM = timedelta(minutes=10)  # a claim lapses so long after the last step of who has it
_IN_REVIEW = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.CHANGES_REQUESTED)
_COMPLETE = tuple(status for status in ArticleStatus if status.is_complete)
ENDED = (ArticleStatus.APPROVED, ArticleStatus.REJECTED, ArticleStatus.PARKED, ArticleStatus.WITHDRAWN)
_WAITING_SINCE = func.coalesce(ReviewRow.waiting_since, ArticleRow.created_at)
_REVIEW = tuple(getattr(ReviewRow, name) for name in Review.model_fields)


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
        row = (await self._session.execute(select(*_REVIEW).where(ReviewRow.article_id == article_id))).one_or_none()
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
        changed = update(ReviewRow).where(ReviewRow.article_id == article_id).values(**columns).returning(*_REVIEW)
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
        conditions: list[ColumnElement[bool]] = [ArticleRow.status.in_(statuses)]
        if sites is not None:
            conditions.append(ArticleRow.site.in_(sites))
        if assignee is not None:
            conditions.append(ReviewRow.assignee == assignee)
        if claimed is not None:
            is_claimed = func.coalesce(ReviewRow.claimed_until > func.now(), False)
            conditions.append(is_claimed if claimed else ~is_claimed)
        if not snoozed:
            conditions.append(func.coalesce(ReviewRow.snoozed_until, func.now()) <= func.now())
        return await self._list_queue(*conditions, excerpt=excerpt)

    async def _list_queue(
        self, *conditions: ColumnElement[bool], excerpt: Excerpt[MomentPosition]
    ) -> Page[QueuedReview, MomentPosition]:
        rows = await self._session.execute(_queue(*conditions, excerpt=excerpt))
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
            .outerjoin(ReviewRow, ReviewRow.article_id == ArticleRow.id)
            .where(ArticleRow.status.in_(_IN_REVIEW), unseen)
            .order_by(ReviewRow.checked_at.nulls_first(), ArticleRow.created_at)
            .limit(limit)
        )
        return [(ArticleId(row.id), row.site, row.keyword) for row in await self._session.execute(statement)]

    async def list_sites(self, article_ids: Sequence[ArticleId]) -> dict[ArticleId, tuple[str, str]]:
        """Return site and keyword of the articles."""
        statement = select(ArticleRow.id, ArticleRow.site, ArticleRow.keyword).where(ArticleRow.id.in_(article_ids))
        return {ArticleId(row.id): (row.site, row.keyword) for row in await self._session.execute(statement)}

    async def mark_checked(self, article_ids: Sequence[ArticleId]) -> None:
        """Note that the workflows of these reviews run."""
        for article_id in article_ids:
            statement = insert(ReviewRow).values(article_id=article_id, checked_at=func.now())
            await self._session.execute(
                statement.on_conflict_do_update(index_elements=["article_id"], set_={"checked_at": func.now()})
            )

    async def list_reminded(self, *, limit: int) -> list[QueuedReview]:
        """Return reviews that have waited for longer than their site's reminder."""
        waits = ArticleRow.status == ArticleStatus.NEEDS_REVIEW
        oldest = Excerpt[MomentPosition](limit=limit, order=Order.OLDEST)
        return (await self._list_queue(waits, ReviewRow.reminded_at.is_not(None), excerpt=oldest)).items


def _queue(*conditions: ColumnElement[bool], excerpt: Excerpt[MomentPosition]) -> Select[Any]:
    """Return the page of reviews, and only for these the newest text."""
    of_review = [
        getattr(ReviewRow, name) for name in Review.model_fields if name not in ("article_id", "waiting_since")
    ]
    waiting = (
        select(
            ArticleRow.id.label("article_id"),
            _WAITING_SINCE.label("waiting_since"),
            *of_review,
            *(ArticleRow.site, ArticleRow.keyword, ArticleRow.status),
        )
        .outerjoin(ReviewRow, ReviewRow.article_id == ArticleRow.id)
        .where(*conditions)
    )
    page = in_order(waiting, _WAITING_SINCE, ArticleRow.id, excerpt).subquery("page")
    latest = (
        select(
            ArticleRevisionRow.number.label("revision"),
            ArticleRevisionRow.content_hash,
            ArticleRevisionRow.made_by,
            ArticleRevisionRow.author,
        )
        .where(ArticleRevisionRow.article_id == page.c.article_id)
        .order_by(ArticleRevisionRow.number.desc())
        .limit(1)
        .lateral("latest")
    )
    statement = select(page, *(latest.c.revision, latest.c.content_hash, latest.c.made_by, latest.c.author))
    order = [page.c.waiting_since, page.c.article_id]
    newest = excerpt.order is Order.NEWEST
    return statement.outerjoin(latest, true()).order_by(*([each.desc() for each in order] if newest else order))
