"""Reads the queue: filtered, in any order, with neighbours.

In the order of waiting without a filter a page reads no more rows than it shows. Findings, words and other
orders look at every row of the tab.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    RowMapping,
    Select,
    case,
    exists,
    func,
    literal,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from src.domain.article import ArticleStatus
from src.domain.finding import Severity
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Order, Page
from src.domain.publishing import PublicationStatus
from src.domain.queue import FindingCounts, QueueFilter, QueuePosition, QueueSort, Tab
from src.domain.review import KEEPS_APPROVALS, DecisionKind

from .review_conditions import LIVE, has_publication, in_tab, is_not_put_off, keyword, matching, score, within
from .review_pages import REVIEW, latest_of, page_of
from .reviews import CLAIM, QueuedReview
from .tables import ArticleRevisionRow, ArticleRow, FindingRow, ReviewDecisionRow, ReviewRow, UserRow

_KEPT = 128  # statements
_BY_STATUS: dict[ArticleStatus, Tab] = {tab.status: tab for tab in Tab if tab.status is not ArticleStatus.APPROVED}


class QueueRow(QueuedReview):
    """A text as the queue shows it.

    Attributes:
        offline: a part of it was written by the offline writer.
        approved_by: who approved these bytes.
    """

    title: str | None
    offline: bool
    findings: FindingCounts
    approved_by: tuple[str, ...] = ()

    @property
    def last_step(self) -> datetime | None:
        """Return its reader's last step; None: it has none."""
        is_claimed = self.claimed_until is not None and self.claimed_until > datetime.now(UTC)
        return self.claimed_until - CLAIM if self.claimed_until is not None and is_claimed else None


class Claim(BaseModel):
    """Who looks at a text now, and his last step."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    article_id: ArticleId
    by: str
    last_step: datetime


class Place(BaseModel):
    """Where a text stands among others, and which are beside it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    previous: ArticleId | None
    next: ArticleId | None
    before: int
    total: int


class QueueRepository:
    """The queue of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_page(
        self, where: QueueFilter, *, sites: Collection[str] | None, after: QueuePosition | None, limit: int
    ) -> Page[QueueRow, QueuePosition]:
        """Return a page of the queue; ``sites`` None is all."""
        statement = _page(where, None if sites is None else frozenset(sites), after, limit)
        found = [(_shown(row), _position(where.sort, row)) for row in await self._read(statement)]
        return Page.of(found, limit)

    async def list_some(self, article_ids: Sequence[ArticleId], *, sites: Collection[str] | None) -> list[QueueRow]:
        """Return these texts, whatever became of them, the oldest first."""
        columns = (*REVIEW, ReviewRow.site, ReviewRow.status)
        those = select(*columns).where(ReviewRow.article_id.in_(article_ids), within(sites))
        return [_shown(row) for row in await self._read(_list(those, QueueSort.OLDEST))]

    async def _read(self, statement: Select[Any]) -> Sequence[RowMapping]:
        rows = await self._session.execute(statement)
        found: Sequence[RowMapping] = rows.mappings().all()
        return found

    async def count(self, where: QueueFilter, *, sites: Collection[str] | None) -> dict[Tab, int]:
        """Return how many rows of each tab the filter leaves."""
        statement = _counts(where, None if sites is None else frozenset(sites))
        return dict.fromkeys(Tab, 0) | {Tab(row[0]): row[1] for row in await self._session.execute(statement)}

    async def find_place(
        self, article_id: ArticleId, where: QueueFilter, *, sites: Collection[str] | None
    ) -> Place | None:
        """Return the neighbours of a text; None: it has no review.

        It may be decided already.
        """
        columns = (ReviewRow.waiting_since, ReviewRow.article_id, *_labelled(where.sort))
        row = (await self._session.execute(select(*columns).where(ReviewRow.article_id == article_id))).mappings()
        if (its := row.one_or_none()) is None:
            return None
        here = _position(where.sort, its)
        ids = [
            select(_rows(where, sites, here, 0, is_reversed=is_reversed).subquery().c.article_id).scalar_subquery()
            for is_reversed in (True, False)
        ]
        those = select(func.count()).select_from(ReviewRow).where(*in_tab(where), within(sites))
        ahead = those.where(_is_beyond(where.sort, here, is_reversed=True))
        counts = (ahead.scalar_subquery().label("before"), those.scalar_subquery().label("total"))
        answer = await self._session.execute(select(ids[0].label("previous"), ids[1].label("next"), *counts))
        return Place.model_validate(answer.one())

    async def is_among(self, article_id: ArticleId, where: QueueFilter, *, sites: Collection[str] | None) -> bool:
        """Return whether the filter leaves this text."""
        its = exists().where(ReviewRow.article_id == article_id, *in_tab(where), within(sites))
        return bool(await self._session.scalar(select(its)))

    async def list_claims(self, *, sites: Collection[str] | None, limit: int) -> list[Claim]:
        """Return which texts somebody looks at now."""
        last_step = (ReviewRow.claimed_until - CLAIM).label("last_step")
        named = (UserRow.display_name, ReviewRow.claimed_by)
        columns = (ReviewRow.article_id, func.coalesce(*named).label("by"), last_step)
        statement = select(*columns).outerjoin(UserRow, UserRow.name == ReviewRow.claimed_by)
        statement = statement.where(ReviewRow.claimed_until > func.now(), within(sites))
        rows = await self._session.execute(statement.order_by(ReviewRow.claimed_until.desc()).limit(limit))
        return [Claim.model_validate(row) for row in rows]


# --- statements; those of the list are kept, for making one takes longer than running it


@lru_cache(maxsize=_KEPT)
def _page(where: QueueFilter, sites: frozenset[str] | None, after: QueuePosition | None, limit: int) -> Select[Any]:
    return _list(_rows(where, sites, after, limit), where.sort)


@lru_cache(maxsize=_KEPT)
def _counts(where: QueueFilter, sites: frozenset[str] | None) -> CompoundSelect[Any]:
    """Return the statement that counts each tab.

    One count a status, which takes half as long as groups of all: the index of statuses has few rows of most.
    """
    those = [*matching(where), within(sites)]
    parts: list[Select[str, int]] = []
    for status, tab in _BY_STATUS.items():
        its = select(literal(tab.value), func.count()).select_from(ReviewRow).where(ReviewRow.status == status, *those)
        is_shown = tab is not Tab.NEEDS_REVIEW or where.snoozed
        parts.append(its if is_shown else its.where(is_not_put_off()))
    divided = case(
        (has_publication(PublicationStatus.SCHEDULED), Tab.HOLD.value),
        (has_publication(*LIVE), Tab.LIVE.value),
        else_=Tab.APPROVED.value,
    ).label("tab")
    approved = select(divided).where(ReviewRow.status == ArticleStatus.APPROVED, *those).subquery()
    return union_all(*parts, select(approved.c.tab, func.count()).group_by(approved.c.tab))


def _shown(row: RowMapping) -> QueueRow:
    counts = FindingCounts.model_validate({each.value: row[each.value] for each in Severity})
    return QueueRow.model_validate({**row, "findings": counts, "approved_by": tuple(row["approved_by"] or ())})


def _list(rows: Select[Any], sort: QueueSort) -> Select[Any]:
    """Return the rows with what is shown of them, in their order."""
    page = rows.subquery("page")
    content = ArticleRevisionRow.content
    more = content["title"].astext.label("title"), content["offline"].as_boolean().label("offline")
    latest = latest_of(page.c.article_id, *more)
    counts = (
        select(*(func.count().filter(FindingRow.severity == each).label(each.value) for each in Severity))
        .where(
            FindingRow.article_id == page.c.article_id,
            FindingRow.revision == latest.c.revision,
            FindingRow.waived_at.is_(None),
        )
        .lateral("counts")
    )
    their = ReviewDecisionRow.article_id == page.c.article_id
    void = aliased(ReviewDecisionRow)  # the last decision after which approvals have to be given anew
    voided = select(func.coalesce(func.max(void.number), 0)).where(
        void.article_id == page.c.article_id, void.kind.not_in(KEEPS_APPROVALS)
    )
    approved = (
        select(func.array_agg(ReviewDecisionRow.by))
        .where(their, ReviewDecisionRow.kind == DecisionKind.APPROVE)
        .where(ReviewDecisionRow.from_hash == latest.c.content_hash)
        .where(ReviewDecisionRow.number > voided.scalar_subquery())
        .scalar_subquery()
    )
    names = ("revision", "content_hash", "made_by", "author", "title")
    shown = [
        *(latest.c[name] for name in names),
        func.coalesce(latest.c.offline, False).label("offline"),
        *counts.c,
        approved.label("approved_by"),
    ]
    its_keyword = [] if sort in _BY_KEYWORD else [ArticleRow.keyword]
    statement = (
        select(page, *its_keyword, *shown).select_from(page).join(ArticleRow, ArticleRow.id == page.c.article_id)
    )
    statement = statement.outerjoin(latest, true()).join(counts, true())
    keys = [page.c[name] for name in _keys(sort)]
    return statement.order_by(*(key.desc() if sort.is_backwards else key for key in keys))


_BY_KEYWORD = (QueueSort.KEYWORD, QueueSort.KEYWORD_BACKWARDS)


def _rows(
    where: QueueFilter,
    sites: Collection[str] | None,
    after: QueuePosition | None,
    limit: int,
    *,
    is_reversed: bool = False,
) -> Select[Any]:
    """Return rows of a page, and one more if there is one."""
    backwards = where.sort.is_backwards is not is_reversed
    if where.sort.is_by_age:
        excerpt = Excerpt(
            after=MomentPosition(at=after.at, id=after.id) if after else None,
            limit=limit,
            order=Order.NEWEST if backwards else Order.OLDEST,
        )
        those = in_tab(where, with_status=False)
        return page_of(*those, sites=sites, statuses=(where.tab.status,), excerpt=excerpt)
    columns = (*REVIEW, ReviewRow.site, ReviewRow.status, *_labelled(where.sort))
    statement = select(*columns).where(*in_tab(where), within(sites))
    if after is not None:
        statement = statement.where(_is_beyond(where.sort, after, is_reversed=is_reversed))
    keys = _key_columns(where.sort)
    return statement.order_by(*(key.desc() if backwards else key for key in keys)).limit(limit + 1)


def _labelled(sort: QueueSort) -> list[Any]:
    if sort.is_by_score:
        return [score().label("score")]
    return [] if sort.is_by_age else [keyword().label("keyword")]


def _key_columns(sort: QueueSort) -> list[Any]:
    age = [ReviewRow.waiting_since, ReviewRow.article_id]
    if sort.is_by_score:
        return [score(), *age]
    return age if sort.is_by_age else [keyword(), ReviewRow.article_id]


def _keys(sort: QueueSort) -> list[str]:
    if sort.is_by_score:
        return ["score", "waiting_since", "article_id"]
    return ["waiting_since", "article_id"] if sort.is_by_age else ["keyword", "article_id"]


def _position(sort: QueueSort, row: Any) -> QueuePosition:  # noqa: ANN401 - a mapping
    its_score = row["score"] if sort.is_by_score else None
    its_keyword = row["keyword"] if sort in _BY_KEYWORD else None
    return QueuePosition(at=row["waiting_since"], id=row["article_id"], score=its_score, keyword=its_keyword)


def _is_beyond(sort: QueueSort, here: QueuePosition, *, is_reversed: bool) -> ColumnElement[bool]:
    """Return whether a row comes after the position; before it if reversed."""
    place: tuple[Any, ...] = (here.at, here.id)
    if sort.is_by_score:
        place = (here.score, *place)
    elif sort in _BY_KEYWORD:
        place = (here.keyword, here.id)
    row = tuple_(*_key_columns(sort))
    return row < place if sort.is_backwards is not is_reversed else row > place
