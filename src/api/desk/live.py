"""Streams of events for pages, as long as the session lasts."""

from fastapi import Request, Response

from src.bootstrap import Application
from src.domain.ids import BatchId
from src.domain.principal import Principal
from src.domain.progress import ProgressPosition

from ..events import follow, stream, watch
from .signed_in import sign_in


async def renew_session(request: Request) -> Principal:
    """Return who has the request's session now. Raises NotAuthenticated."""
    request.state.signed_in = None  # what was read when the stream began
    return (await sign_in(request)).principal


async def follow_batch(request: Request, acting: Application, batch: BatchId, after: ProgressPosition) -> Response:
    """Return the stream of a batch's steps.

    Raises as ``follow`` does.
    """
    return await follow(request, acting, batch, after, renewed=renew_session)


def watch_all(request: Request, acting: Application) -> Response:
    """Return the stream that says when anything changed."""
    return stream(request, watch(request, acting, renewed=renew_session))
