"""Pages of lists: a limit and a cursor.

The cursor names the last row of the page before."""

import base64
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from src.domain.errors import InputInvalid
from src.domain.paging import MAX_PAGE, Excerpt, Order, Page

T = TypeVar("T")
P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True)
class Paging:
    """Which page of a list a request asks for."""

    cursor: Annotated[
        str | None,
        Query(
            max_length=600, pattern=r"^[A-Za-z0-9_-]+$", description="`next` of the page before; left out: the first."
        ),
    ] = None
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="How many rows the page has at most.")] = 50

    def excerpt(self, kind: type[P], order: Order = Order.NEWEST) -> Excerpt[P]:
        """Return that part of the list; its rows have such positions.

        Raises InputInvalid for a cursor of another list.
        """
        return Excerpt(after=self._after(kind), limit=self.limit, order=order)

    def _after(self, kind: type[P]) -> P | None:
        if self.cursor is None:
            return None
        try:
            return kind.model_validate_json(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
        except ValueError as error:  # of the encoding, of the JSON, of the position
            raise InputInvalid("cursor", self.cursor[:40], "hand in next of the page before as it came") from error


Asked = Annotated[Paging, Depends()]


class Listed(BaseModel, Generic[T]):
    """A page of a list."""

    items: list[T]
    next: str | None = Field(description="The cursor of the page that follows; null: there is none.")


def listed(page: Page[T, P]) -> Listed[T]:
    """Return the page as the API answers it."""
    return Listed(items=page.items, next=_encoded(page.last) if page.last else None)


def _encoded(last: BaseModel) -> str:
    return base64.urlsafe_b64encode(last.model_dump_json().encode()).decode().rstrip("=")
