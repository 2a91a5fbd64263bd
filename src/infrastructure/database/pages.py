"""Orders a list by time, and cuts a page out of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, tuple_

from src.domain.paging import Excerpt, MomentPosition, Order


def in_order(
    statement: Select[Any],
    at: SQLColumnExpression[datetime],
    id_: SQLColumnExpression[Any],
    excerpt: Excerpt[MomentPosition],
) -> Select[Any]:
    """Return the statement with its rows by time, then id.

    It gives a row more than wanted, if there is one. An index of both columns gives any page without a sort.
    """
    newest = excerpt.order is Order.NEWEST
    if after := excerpt.after:
        row, place = tuple_(at, id_), (after.at, after.id)
        statement = statement.where(row < place if newest else row > place)
    return first_rows(statement, at, id_, excerpt)


def first_rows(
    statement: Select[Any],
    at: SQLColumnExpression[datetime],
    id_: SQLColumnExpression[Any],
    excerpt: Excerpt[MomentPosition],
) -> Select[Any]:
    """Return the rows by time, then id, and one more than wanted."""
    newest = excerpt.order is Order.NEWEST
    ordered = statement.order_by(at.desc(), id_.desc()) if newest else statement.order_by(at, id_)
    return ordered.limit(excerpt.limit + 1)
