"""Values of requests, within bounds."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from src.domain.colour import Colour
from src.domain.ids import ArticleId, BatchId
from src.domain.paging import Moment
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
    "WhichColour",
    "Words",
]


class Body(BaseModel):
    """The body of a request: unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
