"""Values of requests, within bounds."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, StringConstraints, Tag

from src.domain.colour import Colour
from src.domain.ids import ArticleId, BatchId
from src.domain.paging import Moment
from src.domain.publishing import Wish
from src.domain.review import LONGEST_NOTE
from src.domain.text import visible

SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
MAX_REVISIONS = 1_000_000  # that a request can name


def _visible(text: str) -> str:
    """Return one line of visible characters."""
    if line := visible(text):
        return line
    raise ValueError("it holds no visible character")


SiteSlug = Annotated[str, Path(min_length=2, max_length=60, pattern=SLUG, description="The site's slug.")]
SiteFilter = Annotated[
    str | None, Query(min_length=2, max_length=60, pattern=SLUG, description="Only this site; left out: all of yours.")
]
PersonName = Annotated[str, Path(pattern=NAME, description="The person's name.")]
TokenName = Annotated[str, Path(pattern=NAME, description="The token's name.")]
InBatch = Annotated[BatchId, Path(description="The batch's id.")]
InArticle = Annotated[ArticleId, Path(description="The article's id.")]
Number = Annotated[int, Path(ge=1, le=MAX_REVISIONS, description="The number of the text's revision.")]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Remark = Annotated[str, StringConstraints(max_length=LONGEST_NOTE)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_visible)]
Words = Annotated[str | None, Query(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
_WISHES = frozenset(Wish)


def _kind_of_wish(value: object) -> str | None:
    """Return which form a wish has; None: neither."""
    if isinstance(value, str) and not value[:1].isdigit():
        return "word" if value in _WISHES else None
    return "time"


WhenApproved = Annotated[
    Annotated[Wish, Tag("word")] | Annotated[Moment, Tag("time")],
    Discriminator(
        _kind_of_wish,
        custom_error_type="wish",
        custom_error_message=f"write {', '.join(Wish)} or a time such as 2026-12-01T09:00:00Z",
    ),
]
WhichColour = Annotated[Colour, StringConstraints(pattern="^(blue|green)$")]

__all__ = [
    "MAX_REVISIONS",
    "NAME",
    "SLUG",
    "Body",
    "Hash",
    "InArticle",
    "InBatch",
    "Moment",
    "Note",
    "Number",
    "PersonName",
    "Remark",
    "SiteFilter",
    "SiteSlug",
    "TokenName",
    "WhenApproved",
    "WhichColour",
    "Words",
]


class Body(BaseModel):
    """The body of a request: unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
