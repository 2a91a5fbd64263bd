"""Statements of the queue in the order of waiting."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, Subquery, Text, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import LateralFromClause

from src.domain.article import ArticleStatus
from src.domain.paging import Excerpt, MomentPosition
from src.domain.review import Review

from .pages import first_rows, in_order
from .tables import ArticleRevisionRow, ArticleRow, ReviewRow

REVIEW = tuple(getattr(ReviewRow, name) for name in Review.model_fields)


def latest_of(article_id: ColumnElement[Any], *more: ColumnElement[Any]) -> LateralFromClause:
    """Return the newest text of an article, with further columns of it."""
    shown = (ArticleRevisionRow.content_hash, ArticleRevisionRow.made_by, ArticleRevisionRow.author, *more)
    return (
        select(ArticleRevisionRow.number.label("revision"), *shown)
        .where(ArticleRevisionRow.article_id == article_id)
        .order_by(ArticleRevisionRow.number.desc())
        .limit(1)
        .lateral("latest")
    )


def queue(
    *conditions: ColumnElement[bool],
    sites: Collection[str] | None,
    statuses: Collection[ArticleStatus],
    excerpt: Excerpt[MomentPosition],
) -> Select[Any]:
    """Return the page of reviews, with keyword and newest text."""
    page = page_of(*conditions, sites=sites, statuses=statuses, excerpt=excerpt).subquery("page")
    latest = latest_of(page.c.article_id)
    shown = (latest.c.revision, latest.c.content_hash, latest.c.made_by, latest.c.author)
    statement = select(page, ArticleRow.keyword, *shown).join(ArticleRow, ArticleRow.id == page.c.article_id)
    return first_rows(statement.outerjoin(latest, true()), page.c.waiting_since, page.c.article_id, excerpt)


def page_of(
    *conditions: ColumnElement[bool],
    sites: Collection[str] | None,
    statuses: Collection[ArticleStatus],
    excerpt: Excerpt[MomentPosition],
) -> Select[Any]:
    """Return the rows of a page.

    An index has each status, and each of a site's, in the order of the list. The page is merged from their beginnings,
    so that it costs the same however many wait.
    """
    asked = _each(statuses, "asked_status")
    its = select(*REVIEW, ReviewRow.site, ReviewRow.status).where(ReviewRow.status == asked.c.value, *conditions)
    lists: FromClause = asked
    if sites is not None:
        asked_site = _each(sites, "asked_site")
        its, lists = its.where(ReviewRow.site == asked_site.c.value), asked.join(asked_site, true())
    beginning = in_order(its, ReviewRow.waiting_since, ReviewRow.article_id, excerpt).lateral("beginning")
    merged = select(beginning).select_from(lists.join(beginning, true()))
    return first_rows(merged, beginning.c.waiting_since, beginning.c.article_id, excerpt)


def _each(values: Collection[str], name: str) -> Subquery:
    """Return a row for each value; they are one parameter."""
    return select(func.unnest(literal(list(dict.fromkeys(values)), ARRAY(Text))).label("value")).subquery(name)
