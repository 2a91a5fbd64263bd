"""Pages of long lists.

Each begins after the last row of the one before: rows that are added or removed meanwhile neither double nor hide any.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

T = TypeVar("T")
P = TypeVar("P", bound=BaseModel)

_LARGEST = 2**63 - 1  # what PostgreSQL keeps in a bigint
MAX_PAGE = 200  # rows


class Order(StrEnum):
    """Which row of a list comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


def _in_reach(moment: datetime) -> datetime:
    """Return the moment in UTC, if every time zone can show it."""
    if not 2000 <= moment.year < 2200:
        raise ValueError("write a year from 2000 to 2199")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class MomentPosition(BaseModel):
    """A row of a list that is in order of time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment
    id: UUID


class NamePosition(BaseModel):
    """A row of a list that is in order of names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class NumberPosition(BaseModel):
    """A row of a list that is numbered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=-_LARGEST, le=_LARGEST)


class ClaimPosition(NumberPosition):
    """A longtail in the order of claiming."""

    priority: int = Field(ge=-_LARGEST, le=_LARGEST)


@dataclass(frozen=True, kw_only=True)
class Excerpt(Generic[P]):
    """Which part of a list is wanted.

    Attributes:
        after: the row before it; None: from the beginning.
        limit: at most so many rows.
    """

    after: P | None = None
    limit: int
    order: Order = Order.NEWEST


@dataclass(frozen=True)
class Page(Generic[T, P]):
    """Rows, and the last one's position if more follow."""

    items: list[T]
    last: P | None

    @classmethod
    def of(cls, rows: list[tuple[T, P]], limit: int) -> "Page[T, P]":
        """Return the first ``limit`` rows.

        ``rows`` has one more, where there are more."""
        shown = rows[:limit]
        return cls([item for item, _ in shown], shown[-1][1] if len(rows) > limit else None)
