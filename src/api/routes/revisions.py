"""Texts: compared, edited by people, taken over part by part."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field, StringConstraints

from src.application import revisions
from src.application.revisions import EditResult
from src.domain.difference import Difference
from src.domain.edit import TextEdit
from src.domain.errors import InputInvalid, PreconditionMissing
from src.domain.ids import ArticleId

from .. import examples, values
from ..authentication import Acting
from ..etags import ExpectingText, tag_text
from ..once import Route
from ..values import MAX_REVISIONS, Hash, InArticle

router = APIRouter(route_class=Route, tags=["revisions"])

HunkId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Parent = Annotated[Hash | None, Field(description="The hash of the text that you changed; or send it in If-Match.")]
Earlier = Annotated[int | None, Query(ge=1, le=MAX_REVISIONS, description="Left out: what the later one was made of.")]
Later = Annotated[int | None, Query(ge=1, le=MAX_REVISIONS, description="Left out: the newest.")]


class Edit(TextEdit):
    """What changes in a text, and in which."""

    parent: Parent = None


class Acceptance(values.Body):
    """Which parts of a comparison are taken over."""

    before: int = Field(ge=1, le=MAX_REVISIONS, description="The revision that stays but for these parts.")
    after: int = Field(ge=1, le=MAX_REVISIONS, description="The revision that they are taken from.")
    hunks: list[HunkId] = Field(max_length=2_000, description="Ids of what differs between the two.")
    parent: Parent = None


@router.get("/articles/{article}/diff")
async def compare_revisions(
    acting: Acting, article: InArticle, before: Earlier = None, after: Later = None
) -> Difference:
    """Show what differs between two revisions, part by part.

    Each part has the hash of the text that it applies to; `marked` is sanitised HTML."""
    return await revisions.get_difference(acting.database, article, by=acting.principal, before=before, after=after)


@router.post("/articles/{article}/revisions")
async def edit_text(
    acting: Acting,
    article: InArticle,
    expecting: ExpectingText,
    response: Response,
    asked: Annotated[Edit, Body(openapi_examples={"a section": {"value": examples.EDIT}})],
) -> EditResult:
    """Change a text, as a new revision that awaits a review.

    412 names what replaced it meanwhile, and by whom. Text that comes back untouched makes no revision."""
    result = await acting.revisions.edit(article, asked, parent=_parent(article, asked.parent, expecting))
    tag_text(response, result.revision)
    return result


@router.post("/articles/{article}/diff/accept")
async def accept_parts(
    acting: Acting,
    article: InArticle,
    expecting: ExpectingText,
    response: Response,
    asked: Annotated[Acceptance, Body(openapi_examples={"none of them": {"value": examples.ACCEPTANCE}})],
) -> EditResult:
    """Take some of what differs over, as a new revision.

    One of the two is the newest revision, and its hash is the one to send."""
    parent = _parent(article, asked.parent, expecting)
    result = await acting.revisions.accept(article, asked.hunks, before=asked.before, after=asked.after, parent=parent)
    tag_text(response, result.revision)
    return result


def _parent(article: ArticleId, parent: str | None, expecting: str | None) -> str:
    """Return the hash of the text that is changed.

    Raises PreconditionMissing without one, and InputInvalid for two."""
    given = parent or expecting
    if given is None:
        raise PreconditionMissing("text of article", article)
    if expecting not in (None, given):
        raise InputInvalid("parent", given, "If-Match names another text; send one of the two")
    return given
