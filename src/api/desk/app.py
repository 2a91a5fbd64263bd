"""Builds the desk: its pages, its files, its error pages."""

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from src.bootstrap import Application

from ..background import Background
from ..events import Streams
from . import errors
from .assets import Assets
from .forgery import require_own_form
from .pages import PAGES

_SHORTEST_COMPRESSED = 1_000  # bytes; below it a packet is not saved


def create_desk(application: Application, streams: Streams, background: Background) -> FastAPI:
    """Return the app of the desk, to be mounted beside the API."""
    desk = FastAPI(
        title="Longtail desk",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(require_own_form)],
    )
    desk.state.application = application
    desk.state.streams = streams
    desk.state.background = background
    for page in PAGES:
        desk.include_router(page.router)
    desk.mount("/static", Assets(), name="static")
    errors.install(desk)
    desk.add_middleware(GZipMiddleware, minimum_size=_SHORTEST_COMPRESSED)
    return desk
