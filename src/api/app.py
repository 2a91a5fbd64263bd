"""Builds the app: routes, errors, limits, documents."""

import asyncio

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

from src.bootstrap import Application

from . import documents, errors
from .background import Background
from .desk import create_desk
from .desk.pages.keywords import LONGER_BODIES as LISTS_OF_THE_DESK
from .edge import REQUEST_ID, Edge
from .events import Streams
from .once import HEADER as IDEMPOTENCY_KEY
from .parameters import known_below
from .problems import PROBLEMS
from .routes import (
    alerts,
    articles,
    audit,
    backfills,
    batches,
    decisions,
    deployments,
    health,
    holds,
    keywords,
    publications,
    reviews,
    revisions,
    schedules,
    sites,
    users,
)
from .tracing import tracing

MAX_BODY_BYTES = 1_000_000  # the longest site's description is far below; keyword lists have a limit of their own
PREFIX = "/api/v1"
DESK = "/desk"
NOUNS = (
    *(sites, keywords, batches, articles, revisions, reviews, decisions, publications),
    *(schedules, backfills, holds, alerts, audit, users, deployments),
)
"""Modules with a router of routes that need a token."""


def create_app(application: Application, *, stopping: asyncio.Event | None = None) -> FastAPI:
    """Return the app that serves the use cases of ``application``.

    Nobody's rights are used but those of who asks. When ``stopping`` is set, streams end and proxies are told.
    """
    app = FastAPI(
        title="Longtail",
        version="1",
        docs_url=None,  # its pages come from elsewhere; ours are in documents
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=tracing(application.telemetry.traces),
    )
    app.state.application = application
    app.state.streams = Streams(stopping or asyncio.Event())
    app.state.background = Background()
    known = [Depends(known_below(PREFIX))]
    for noun in NOUNS:
        app.include_router(noun.router, prefix=PREFIX, responses=PROBLEMS, dependencies=known)
    app.include_router(health.router)
    app.mount(DESK, create_desk(application, app.state.streams, app.state.background))
    for path in ("/", DESK):
        app.add_api_route(path, _open_desk, include_in_schema=False)
    documents.install(app)
    errors.install(app)
    if origins := application.settings.api_cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["*"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match", IDEMPOTENCY_KEY, REQUEST_ID],
            expose_headers=["ETag", "Location", REQUEST_ID],
        )
    app.add_middleware(
        Edge,
        limit=MAX_BODY_BYTES,
        longer=keywords.LONGER_BODIES | LISTS_OF_THE_DESK,
        pages=f"{DESK}/",
        telemetry=application.telemetry,
    )
    return app


async def _open_desk() -> RedirectResponse:
    return RedirectResponse(f"{DESK}/", status_code=307)
