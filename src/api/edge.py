"""The outermost layer: request ids, logs, headers, limits.

It also answers for what nobody else catches."""

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.bootstrap import ProcessTelemetry
from src.infrastructure.database.errors import as_error

from .errors import ProblemResponse, http_problem, known_problem

if TYPE_CHECKING:
    from src.infrastructure.telemetry.metrics import ApiMetrics

log = structlog.get_logger()

REQUEST_ID = "X-Request-Id"
MAX_HEADER_BYTES = 16_384  # of one request, names and values
_DIGITS = 20  # of a length; Python refuses to read thousands
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer that does not set them itself."""


class Edge:
    """Gives every answer an id, and every error a document."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int,
        longer: Mapping[str, int],
        pages: str,
        telemetry: ProcessTelemetry,
    ) -> None:
        """``limit`` is of a body in bytes.

        ``longer`` are limits of paths with these endings. Below ``pages`` the app says in a page what is too long.
        ``telemetry`` is told of requests."""
        self._app = app
        self._limit = limit
        self._longer = longer
        self._pages = pages
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        answer = _Answer(scope, receive, send, request_id=_request_id(scope))
        structlog.contextvars.bind_contextvars(
            request_id=answer.request_id, **self._telemetry.begin_request(answer.request_id)
        )
        try:
            body = _Body(scope, receive, limit=self._limit_of(scope["path"]))
            if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
                await answer.replace(http_problem(431, f"the headers have more than {MAX_HEADER_BYTES} bytes"))
            elif body.is_too_long and not scope["path"].startswith(self._pages):
                await answer.replace(http_problem(413, body.told))
            else:
                await self._app(scope, body.receive, answer.send)
        except Exception as error:  # the edge of the process: logged, and answered if that is still possible
            known = as_error(error)
            if known is None:
                log.exception("request_failed")
            else:
                log.warning("request_failed", error=known.message)
            if answer.status is not None:
                raise
            detail = f"this is a defect; the log has it under {answer.request_id}"
            await answer.replace(known_problem(known) if known else http_problem(500, detail))
        finally:
            answer.write_log()
            if self._telemetry.requests is not None:
                answer.count(self._telemetry.requests)

    def _limit_of(self, path: str) -> int:
        return next((limit for ending, limit in self._longer.items() if path.endswith(ending)), self._limit)


class _Body:
    """The body of a request, read up to a limit."""

    def __init__(self, scope: Scope, receive: Receive, *, limit: int) -> None:
        given = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        self._announced = int(given[:_DIGITS]) if given.isdigit() else 0
        self._receive = receive
        self._limit = limit
        self._bytes = 0

    @property
    def told(self) -> str:
        """Return what is said of a longer one."""
        return f"the body has more than the {self._limit} bytes that this route takes"

    @property
    def is_too_long(self) -> bool:
        """Return whether the request says so itself."""
        return self._announced > self._limit

    async def receive(self) -> Message:
        """Read on. Raises HTTPException for more than the limit."""
        if self.is_too_long:
            raise HTTPException(413, self.told)
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._limit:
            raise HTTPException(413, self.told)
        return message


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, request_id: str) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self._scope, self._receive, self._send = scope, receive, send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Pass a message on, its headers completed."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._missing(message["headers"])]
        await self._send(message)

    async def replace(self, response: ProblemResponse) -> None:
        """Answer with this instead of whatever the app sends."""
        await response(self._scope, self._receive, self.send)

    def write_log(self) -> None:
        """Log the request in one line."""
        log.info(
            "request_served",
            method=self._scope["method"],
            operation=self._operation,
            status=self.status,
            milliseconds=round((time.perf_counter() - self._began) * 1000, 1),
        )

    def count(self, metrics: "ApiMetrics") -> None:
        """Count the request."""
        metrics.request_served(
            operation=self._operation,
            method=self._scope["method"],
            status=self.status,
            seconds=time.perf_counter() - self._began,
        )

    @property
    def _operation(self) -> str | None:
        """Return the handler's name; a path may hold anything."""
        return getattr(self._scope.get("endpoint"), "__name__", None)

    def _missing(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        wanted: Mapping[str, str] = {REQUEST_ID: self.request_id, **_SECURITY}
        return [
            (name.encode(), value.encode()) for name, value in wanted.items() if name.lower().encode() not in present
        ]


def _request_id(scope: Scope) -> str:
    """Return the id that came with the request, if it is one."""
    given = next((value for name, value in scope["headers"] if name == REQUEST_ID.lower().encode()), b"")
    return given.decode() if _ID.fullmatch(given) else uuid4().hex
