"""The page as it will look, in a frame without rights."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from src.application.previews import get_marked_page

from ...routes.articles import PAGE_POLICY
from ...values import MAX_REVISIONS, InArticle
from ..signed_in import Desk

router = APIRouter()

Shown = Annotated[int | None, Query(alias="r", ge=1, le=MAX_REVISIONS)]
_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


@router.get("/articles/{article}/preview")
async def show_preview(desk: Desk, article: InArticle, number: Shown = None) -> Response:
    """Return the page with its findings marked."""
    page = await get_marked_page(desk.database, article, number, by=desk.principal)
    return HTMLResponse(page, headers=_HEADERS)
