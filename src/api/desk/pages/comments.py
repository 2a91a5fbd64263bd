"""Comments on a text: left and settled."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from src.domain.review import LONGEST_NOTE, CommentId

from ...values import InArticle
from ..neighbours import LONGEST_INSIDE
from ..notices import Notice
from ..shell import PATH, redirect, with_query
from ..signed_in import Desk

router = APIRouter()

Text = Annotated[str, Form(max_length=LONGEST_NOTE)]
Place = Annotated[str, Form(max_length=200)]
Inside = Annotated[str, Form(alias="in", max_length=LONGEST_INSIDE)]


@router.post("/articles/{article}/comments")
async def comment(
    request: Request,
    desk: Desk,
    article: InArticle,
    text: Text = "",
    section: Place = "",
    span: Text = "",
    inside: Inside = "",
) -> Response:
    """Leave a comment, on words of the text if some are quoted."""
    await desk.reviews.comment(article, text, block=section or None, span=span.strip() or None)
    return _back(request, article, inside, Notice(head="Commented", text="Everybody who opens this article sees it."))


@router.post("/articles/{article}/comments/{comment_id}/resolve")
async def resolve(
    request: Request, desk: Desk, article: InArticle, comment_id: CommentId, inside: Inside = ""
) -> Response:
    """Note that a comment is settled."""
    await desk.reviews.resolve(article, comment_id)
    return _back(request, article, inside, Notice(head="Settled", text="The comment stays in the record."))


def _back(request: Request, article: InArticle, inside: str, notice: Notice) -> Response:
    to = with_query(f"{PATH}/articles/{article}", **{"in": inside or None})
    return redirect(request, f"{to}#desk-comments", notice)
