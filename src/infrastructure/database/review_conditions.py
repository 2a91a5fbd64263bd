"""Conditions of the queue's filter, on rows of reviews."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, exists, func, literal, or_, select, true
from sqlalchemy.orm import aliased

from src.domain.finding import Severity
from src.domain.publishing import PublicationStatus
from src.domain.queue import FULL_SCORE, ME, NOBODY, PENALTIES, Found, QueueFilter, Tab

from .tables import ArticleRevisionRow, ArticleRow, BatchRow, FindingRow, PublicationRow, ReviewRow

LIVE = (*(status for status in PublicationStatus if status.is_live), PublicationStatus.TAKING_OFF)


def keyword() -> ScalarSelect[str]:
    """Return the article's keyword as a column."""
    return select(ArticleRow.keyword).where(ArticleRow.id == ReviewRow.article_id).scalar_subquery()


def _newest() -> ScalarSelect[int]:
    every = aliased(ArticleRevisionRow)
    newest = select(func.max(every.number)).where(every.article_id == ReviewRow.article_id)
    return newest.correlate(ReviewRow).scalar_subquery()


def _open_findings() -> tuple[ColumnElement[bool], ...]:
    return (
        FindingRow.article_id == ReviewRow.article_id,
        FindingRow.revision == _newest(),
        FindingRow.waived_at.is_(None),
    )


def score() -> ColumnElement[int]:
    """Return ``FindingCounts.score`` as a column."""
    lost = case(PENALTIES, value=FindingRow.severity, else_=0)
    total = select(func.coalesce(func.sum(lost), 0)).where(*_open_findings()).scalar_subquery()
    return func.greatest(0, literal(FULL_SCORE) - total)


def within(sites: Collection[str] | None) -> ColumnElement[bool]:
    """Return whether the review is of these sites; None: of any."""
    return true() if sites is None else ReviewRow.site.in_(sites)


def is_not_put_off() -> ColumnElement[bool]:
    """Return whether nobody put the review off till later."""
    return func.coalesce(ReviewRow.snoozed_until, func.now()) <= func.now()


def has_publication(*statuses: PublicationStatus) -> ColumnElement[bool]:
    """Return whether the article has a publication in such a status."""
    return exists().where(PublicationRow.article_id == ReviewRow.article_id, PublicationRow.status.in_(statuses))


def in_tab(where: QueueFilter, *, with_status: bool = True) -> list[ColumnElement[bool]]:
    """Return the filter with its tab."""
    conditions = matching(where)
    if with_status:
        conditions.append(ReviewRow.status == where.tab.status)
    if where.tab is Tab.NEEDS_REVIEW and not where.snoozed:
        conditions.append(is_not_put_off())
    is_held, is_live = has_publication(PublicationStatus.SCHEDULED), has_publication(*LIVE)
    divided = {Tab.HOLD: [is_held], Tab.LIVE: [is_live, ~is_held], Tab.APPROVED: [~is_held, ~is_live]}
    return conditions + divided.get(where.tab, [])


def matching(where: QueueFilter) -> list[ColumnElement[bool]]:
    """Return the filter without tab and site, which are the caller's."""
    return [*_about_the_review(where), *_about_the_article(where), *_about_findings(where)]


def _about_the_review(where: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.waits_from is not None:
        conditions.append(ReviewRow.waiting_since <= func.now() - where.waits_from)
    if where.waits_to is not None:
        conditions.append(ReviewRow.waiting_since >= func.now() - where.waits_to)
    if where.who is not None:
        assert where.who != ME  # noqa: S101 - the use case says who that is
        conditions.append(ReviewRow.assignee.is_(None) if where.who == NOBODY else ReviewRow.assignee == where.who)
    if where.claimed is not None:
        is_claimed = ReviewRow.claimed_until > func.now()
        conditions.append(is_claimed if where.claimed else ~func.coalesce(is_claimed, False))
    return conditions


def _about_the_article(where: QueueFilter) -> list[ColumnElement[bool]]:
    its = select(ArticleRow.id)
    conditions: list[ColumnElement[bool]] = []
    if where.batch is not None:
        conditions.append(ReviewRow.article_id.in_(its.where(ArticleRow.batch_id == where.batch)))
    if where.colour is not None:
        made = its.join(BatchRow, BatchRow.id == ArticleRow.batch_id).where(BatchRow.colour == where.colour)
        conditions.append(ReviewRow.article_id.in_(made))
    if where.words is not None:
        in_keyword = its.where(ArticleRow.keyword.icontains(where.words, autoescape=True))
        title = ArticleRevisionRow.content["title"].astext.icontains(where.words, autoescape=True)
        its_newest = and_(ArticleRevisionRow.article_id == ReviewRow.article_id, ArticleRevisionRow.number == _newest())
        conditions.append(or_(ReviewRow.article_id.in_(in_keyword), exists().where(its_newest, title)))
    return conditions


def _about_findings(where: QueueFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.findings is not None:
        found = exists().where(*_open_findings())
        blocking = found.where(FindingRow.severity == Severity.BLOCKING)
        conditions.append({Found.NONE: ~found, Found.SOME: found, Found.BLOCKING: blocking}[where.findings])
    if where.score_from is not None:
        conditions.append(score() >= where.score_from)
    return conditions
