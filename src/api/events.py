"""Server-sent events: the steps of a batch, as they are committed.

The id of an event is a position in the database. A client that comes back with it, to this process or another, gets
what follows, and nothing is kept here meanwhile. Streams end at once when the process is asked to stop.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import SecretStr

from src.application.progress import Progress, list_steps, read_pulse
from src.bootstrap import Application
from src.domain.errors import EngineUnavailable, LongtailError
from src.domain.ids import BatchId
from src.domain.principal import Principal
from src.domain.progress import ProgressPosition, ProgressStep

from .authentication import bearer, renew

MEDIA_TYPE = "text/event-stream"
MAX_STREAMS = 200  # of one process; each asks the database twice a second
_LOOK_SECONDS = 0.5
_HEARTBEAT_SECONDS = 15.0  # below the idle time-outs of proxies; who asks is looked up again as often
_RETRY_MILLISECONDS = 1_000

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `batch`, `article` and `stage`, then `end`.",
        "content": {
            MEDIA_TYPE: {
                "schema": {"type": "string"},
                "example": (
                    "id: 7412-93\nevent: article\n"
                    'data: {"article":"7be1c2d4-…","status":"needs_review","at":"2026-11-30T06:01:12Z"}\n\n'
                ),
            }
        },
    },
    204: {"description": "The batch has ended and nothing follows; a browser stops asking."},
}


class Streams:
    """The open streams of this process."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self.stopping = stopping
        self.open = 0

    async def rest(self) -> bool:
        """Wait for the next look; return whether the process is to stop."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self.stopping.wait()
        except TimeoutError:
            return False
        return True


Renew = Callable[[Request], Awaitable[Principal]]
"""Returns who asks, from rows as they are now. Raises NotAuthenticated."""


async def renew_bearer(request: Request) -> Principal:
    """Return who has the request's token now. Raises NotAuthenticated."""
    given = await bearer(request)
    assert given is not None  # noqa: S101 - it was, when the stream began
    return await renew(request, SecretStr(given.credentials))


async def follow(
    request: Request, acting: Application, batch: BatchId, after: ProgressPosition, *, renewed: Renew = renew_bearer
) -> Response:
    """Return the stream of the batch's steps after a position.

    ``renewed`` finds out who asks, again and again while it lasts. Raises NotFound, NotPermitted, and
    EngineUnavailable when too many are open.
    """
    first = await list_steps(acting.database, batch, by=acting.principal, after=after)
    if first.is_over:
        return Response(status_code=204)
    return stream(request, _events(request, acting, batch, after, first, renewed))


def stream(request: Request, events: AsyncIterator[str]) -> Response:
    """Return the answer that sends the events.

    Raises EngineUnavailable when too many streams are open.
    """
    streams: Streams = request.app.state.streams
    if streams.open >= MAX_STREAMS:
        raise EngineUnavailable(f"{MAX_STREAMS} streams are open; follow the batch by its counts meanwhile")
    headers = {"X-Accel-Buffering": "no"}  # of nginx, which would hold events back
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


async def watch(request: Request, acting: Application, *, renewed: Renew) -> AsyncIterator[str]:
    """Yield an event after each step, and with every heartbeat."""
    streams: Streams = request.app.state.streams
    streams.open += 1
    try:
        beat, seen = time.monotonic(), await read_pulse(acting.database)
        yield f"retry: {_RETRY_MILLISECONDS}\n\n"
        while not await streams.rest():
            now = await read_pulse(acting.database)
            if is_due := time.monotonic() - beat > _HEARTBEAT_SECONDS:
                beat = time.monotonic()
                await renewed(request)
            if is_due or now != seen:
                seen = now
                yield "event: change\ndata: {}\n\n"
    except LongtailError:  # the session ended: the page asks again and is told
        return
    finally:
        streams.open -= 1


async def _events(
    request: Request,
    acting: Application,
    batch: BatchId,
    position: ProgressPosition,
    progress: Progress,
    renewed: Renew,
) -> AsyncIterator[str]:
    streams: Streams = request.app.state.streams
    streams.open += 1
    try:
        beat = time.monotonic()
        yield f"retry: {_RETRY_MILLISECONDS}\n\n"
        while not progress.is_over:
            for step in progress.steps:
                position = step.position
                yield _written(step)
            if not progress.steps and await streams.rest():
                return
            if streams.stopping.is_set():
                return
            if time.monotonic() - beat > _HEARTBEAT_SECONDS:
                beat = time.monotonic()
                acting = acting.acting_as(await renewed(request))
                yield ": the connection lives\n\n"
            progress = await list_steps(acting.database, batch, by=acting.principal, after=position)
        yield "event: end\ndata: {}\n\n"
    except LongtailError:  # the token ended, the site went: the client asks again and is told
        return
    finally:
        streams.open -= 1


def _written(step: ProgressStep) -> str:
    """Return the step as one event.

    Its data is one line: JSON escapes line ends."""
    data = step.model_dump_json(exclude={"position", "kind"}, exclude_none=True)
    return f"id: {step.position}\nevent: {step.kind}\ndata: {data}\n\n"
