"""Requests with an Idempotency-Key.

They are carried out once, and answered as often as they come."""

import hashlib
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from src.application.requests import Answer, Requests
from src.bootstrap import Application
from src.domain.errors import InputInvalid

from .authentication import Acting, authenticate

HEADER = "Idempotency-Key"
HOLDS_SECRET = {"x-answer-holds-secret": True}  # of a route: its answer is not kept
KEEPS_KEY = {"x-use-case-keeps-key": True}  # of a route: a request that was cut off is carried out again
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_KEPT_HEADERS = ("content-type", "etag", "location")


class Route(APIRoute):
    """A route that carries a write out once for each key."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which looks the key up before anything else."""
        handle = super().get_route_handler()
        if "GET" in (self.methods or ()):
            return handle
        extra = (self.openapi_extra or {}).items()
        holds_secret, is_repeatable = HOLDS_SECRET.items() <= extra, KEEPS_KEY.items() <= extra

        async def once(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return await handle(request)
            if not _KEY.fullmatch(key):
                raise InputInvalid(HEADER, key[:40], "write 1 to 200 visible ASCII characters")
            application: Application = request.app.state.application
            requests = Requests(application.database, by=await authenticate(request))
            if before := await requests.begin(key, await _fingerprint(request), is_repeatable=is_repeatable):
                return _again(before)
            return await _first(requests, key, await _tried(requests, key, handle, request), keep=not holds_secret)

        return once


def _key_of(request: Request, acting: Acting) -> str | None:
    """Return the key as a use case keeps it.

    Two people never share one, as they do not here."""
    key = request.headers.get(HEADER)
    return f"{acting.who} {key}" if key is not None else None


Key = Annotated[str | None, Depends(_key_of)]


async def _tried(
    requests: Requests, key: str, handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
) -> Response:
    """Return the answer; a request that fails gives its key back."""
    try:
        return await handle(request)
    except Exception:
        await requests.give_back(key)
        raise


async def _first(requests: Requests, key: str, response: Response, *, keep: bool) -> Response:
    """Keep the answer of a request that was carried out."""
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = bytes(response.body).decode() if keep else None
    await requests.finish(key, Answer(status=response.status_code, headers=headers, body=body))
    return response


def _again(before: Answer) -> Response:
    response = Response(before.body, status_code=before.status, headers=before.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response


async def _fingerprint(request: Request) -> str:
    """Return the hash of what makes a request the same one."""
    parts = [
        request.method,
        str(request.url.path),
        str(request.url.query),
        request.headers.get("content-type", ""),
        request.headers.get("if-match", ""),
    ]
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + await request.body()).hexdigest()
