"""Shows the list of keys, also without scripts."""

from fastapi import APIRouter, Request, Response

from ..shell import render
from ..signed_in import Desk

router = APIRouter()


@router.get("/keys")
async def show_keys(request: Request, _: Desk) -> Response:
    """Show which key does what."""
    return await render(request, "keys.html")
