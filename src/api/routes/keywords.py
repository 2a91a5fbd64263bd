"""Keywords: imported as lists, listed, made ready again."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from src.application import keywords
from src.application.keywords import ImportReport
from src.domain.longtail import MAX_PHRASE_LENGTH, LongtailRecord, LongtailStatus
from src.domain.paging import ClaimPosition
from src.domain.permissions import Action
from src.intake import keyword_list
from src.intake.delimited import MAX_BYTES

from .. import values
from ..authentication import Acting
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import SiteSlug, Words

router = APIRouter(route_class=Route, tags=["keywords"])

LONGER_BODIES = {"/keywords/import": MAX_BYTES + 1_000}  # what is too long for a list is told in its own words

FileName = Annotated[
    str,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Za-z0-9 ._()-]+$",
        description="The list's name, kept as the source of each keyword.",
    ),
]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PHRASE_LENGTH, pattern=r"^[^\x00]*$")]


class Requeue(values.Body):
    """Which keywords are to get another article."""

    phrases: tuple[Phrase, ...] = ()
    """None: all whose article failed."""


class Requeued(BaseModel):
    """How many keywords are ready again."""

    model_config = ConfigDict(frozen=True)

    ready: int


@router.get("/sites/{site}/keywords")
async def list_keywords(
    acting: Acting,
    paging: Asked,
    site: SiteSlug,
    status: LongtailStatus | None = None,
    containing: Words = None,
) -> Listed[LongtailRecord]:
    """List a site's keywords in the order in which batches take them."""
    page = await keywords.list_keyword_page(
        acting.database,
        site,
        by=acting.principal,
        status=status,
        containing=containing,
        excerpt=paging.excerpt(ClaimPosition),
    )
    return listed(page)


@router.post(
    "/sites/{site}/keywords/import",
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A list in UTF-8: one phrase a line, or a CSV with a column `keyword`.",
            "content": {
                "text/plain": {"schema": {"type": "string"}, "example": "how to fix a leaky tap\nbest drill"},
                "text/csv": {"schema": {"type": "string"}, "example": "keyword,volume\nhow to fix a leaky tap,900\n"},
            },
        }
    },
)
async def import_keywords(
    acting: Acting,
    site: SiteSlug,
    request: Request,
    file: FileName = "api",
    dry_run: Annotated[bool, Query(description="Only say what would happen.")] = False,
) -> ImportReport:
    """Import a keyword list.

    Every line is added, known, merged or rejected, and the answer says why."""
    acting.principal.require(Action.KEYWORDS_IMPORT, site)  # before a long list is read
    read = await asyncio.to_thread(keyword_list.read, await request.body(), file=file)  # it may take a minute
    return await keywords.import_keywords(
        acting.database, site, read, by=acting.principal, source=file, dry_run=dry_run
    )


@router.post("/sites/{site}/keywords/requeue")
async def requeue_keywords(acting: Acting, site: SiteSlug, asked: Annotated[Requeue, Body()]) -> Requeued:
    """Make failed or written keywords ready for a new article."""
    ready = await keywords.requeue_keywords(acting.database, site, asked.phrases, by=acting.principal)
    return Requeued(ready=ready)
