"""The articles before and after one in the filter of its reader."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from src.application.queue import neighbours
from src.bootstrap import Application
from src.domain.ids import ArticleId
from src.domain.queue import QueueFilter

from .queue_filter import address_of, read_inside
from .queue_filter import inside as inside_of
from .shell import PATH

LONGEST_INSIDE = 1000  # characters of ``?in=``
_NEXT = "next"
"""What follows an article that an edit moves to another place of the list, in the query of its filter."""


@dataclass(frozen=True)
class Around:
    """Where a person is in a list.

    Attributes:
        previous: the address of the article before; None: it is the first.
        position: from 1; None: it is not in the list, or not any more.
        waiting: how many texts need a review in all; None: the list does not tell.
    """

    list_address: str
    previous: str | None = None
    next: str | None = None
    position: int | None = None
    total: int | None = None
    waiting: int | None = None

    @property
    def after_decision(self) -> str:
        """Return what is opened once the article is decided."""
        return self.next or self.list_address


async def around(desk: Application, article: ArticleId, inside: str) -> Around:
    """Return what stands around the article in the list of this filter.

    Raises InputInvalid for a filter that is none.
    """
    where = read_inside(inside)
    found = await neighbours(desk.database, article, where, by=desk.principal)
    return Around(
        list_address=address_of(where),
        previous=_address(found.previous, where),
        next=_address(_kept_next(inside) or found.next, where),
        position=found.position if found.is_inside else None,
        total=found.total,
        waiting=found.total or None if where == QueueFilter(sort=where.sort) else None,
    )


async def keep_place(desk: Application, article: ArticleId, inside: str) -> str:
    """Return the filter's query with the article that follows now.

    Whoever edits a text goes on after it with what followed before: a new revision waits since its own time.
    """
    if _kept_next(inside):
        return inside
    where = read_inside(inside)
    found = await neighbours(desk.database, article, where, by=desk.principal)
    if not found.is_inside or found.next is None:
        return inside
    kept = urlencode([*parse_qsl(inside), (_NEXT, str(found.next))])
    return kept if len(kept) <= LONGEST_INSIDE else inside


def _kept_next(inside: str) -> ArticleId | None:
    kept = dict(parse_qsl(inside)).get(_NEXT)
    try:
        return ArticleId(UUID(kept)) if kept else None
    except ValueError:  # an address that somebody wrote: the list decides
        return None


def _address(article: ArticleId | None, where: QueueFilter) -> str | None:
    return f"{PATH}/articles/{article}?{inside_of(where)}" if article else None
