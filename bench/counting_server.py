"""The model server's process: ``python -m bench.counting_server``.

Prints its port, ends with its standard input.
"""

import argparse
import asyncio
import json
import os
import socket
import time
from collections import Counter
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .answers import Answer, Answers
from .conditions import Conditions, SimulatedProvider

_HEADERS = {"content-type": "text/event-stream", "x-request-id": "bench"}


@dataclass(slots=True)
class _Call:
    answer: Answer
    begun: float
    answered: float | None = None


class Counted:
    """The application, and what it counts."""

    def __init__(self, *, latency: float) -> None:
        self._latency = latency
        self._answers = Answers()
        self._provider = SimulatedProvider()
        self._calls: list[_Call] = []
        self._in_flight = 0
        self._max_in_flight = 0

    def application(self) -> Starlette:
        """Return the routes."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.complete, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/v1/models/{model}", self.model),
                Route("/stats", self.stats),
                Route("/calls", self.calls),
                Route("/reset", self.reset, methods=["POST"]),
                Route("/conditions", self.change_conditions, methods=["POST"]),
            ]
        )

    async def complete(self, request: Request) -> Response:
        """Wait, then stream the answer."""
        body = await request.body()
        now = time.monotonic()
        if refusal := self._provider.refuse(json.loads(body)["model"], now=now):
            return JSONResponse(refusal.body, refusal.status, refusal.headers)
        call = _Call(await self._answers.to(body), begun=now)
        self._calls.append(call)
        return _Stream(self, call, _HEADERS | self._provider.headers())

    async def models(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """One name is enough for who asks whether the key works."""
        if not self._provider.conditions.has_list:
            return Response(status_code=404)
        return JSONResponse({"object": "list", "data": [{"id": "stage-a", "object": "model"}]})

    async def model(self, request: Request) -> Response:
        """Every name is known that is not said to be missing."""
        name = request.path_params["model"]
        conditions = self._provider.conditions
        if not conditions.has_list or name in conditions.missing_models:
            return JSONResponse({"error": {"message": f"no model {name}", "code": "model_not_found"}}, 404)
        return JSONResponse({"id": name, "object": "model"})

    async def stats(self, request: Request) -> Response:  # noqa: ARG002
        """Return the Stats."""
        counts = Counter((call.answer.stage, call.answer.keyword) for call in self._calls)
        nested: dict[str, dict[str, int]] = {}
        for (stage, keyword), count in counts.items():
            nested.setdefault(stage, {})[keyword] = count
        return JSONResponse(
            {
                "calls": len(self._calls),
                "answered": sum(call.answered is not None for call in self._calls),
                "in_flight": self._in_flight,
                "max_in_flight": self._max_in_flight,
                "by_stage_and_keyword": nested,
                "refused": self._provider.refused,
                "cpu_seconds": time.process_time(),
            }
        )

    async def calls(self, request: Request) -> Response:  # noqa: ARG002
        """Return every Call."""
        return JSONResponse(
            [
                {
                    "stage": call.answer.stage,
                    "keyword": call.answer.keyword,
                    "question": call.answer.question,
                    "begun": call.begun,
                    "answered": call.answered,
                }
                for call in self._calls
            ]
        )

    async def reset(self, request: Request) -> Response:
        """Start a new count."""
        latency = (await request.json())["latency"]
        self._latency = self._latency if latency is None else latency
        self._calls, self._max_in_flight = [], self._in_flight
        self._provider.refused = 0
        return Response(status_code=204)

    async def change_conditions(self, request: Request) -> Response:
        """Let other Conditions hold from now on."""
        self._provider.change(Conditions.model_validate_json(await request.body()), now=time.monotonic())
        return Response(status_code=204)

    async def stream(self, call: _Call, headers: dict[str, str], receive: Receive, send: Send) -> None:
        """Answer ``call``, unless the client goes away while it waits."""
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        try:
            if await _stays(receive, self._latency):
                await send({"type": "http.response.start", "status": 200, "headers": _encoded(headers)})
                for event in call.answer.events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                call.answered = time.monotonic()
                await send({"type": "http.response.body", "body": b""})
        finally:
            self._in_flight -= 1


class _Stream(Response):
    """A streaming response without a task group.

    That would use cores on which others are measured.
    """

    def __init__(self, counted: Counted, call: _Call, headers: dict[str, str]) -> None:
        super().__init__()
        self._sent_headers = headers
        self._counted = counted
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await self._counted.stream(self._call, self._sent_headers, receive, send)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _stays(receive: Receive, seconds: float) -> bool:
    """Wait; return whether the client is still connected."""
    if not seconds:
        return True
    leaving = asyncio.ensure_future(receive())  # the body was read, so nothing else can arrive
    left, _ = await asyncio.wait({leaving}, timeout=seconds)
    leaving.cancel()
    return not left


async def _serve(latency: float) -> None:
    application = Counted(latency=latency).application()
    config = uvicorn.Config(
        application,
        access_log=False,
        log_level="warning",
        lifespan="off",
        timeout_keep_alive=600,  # a connection that it closes while the client asks again would be a failed call
    )
    server = uvicorn.Server(config)
    asyncio.get_running_loop().add_reader(0, os._exit, 0)  # the lifeline ended; there is nothing to save
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        print(listening.getsockname()[1], flush=True)
        await server.serve(sockets=[listening])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--latency", type=float, default=0.0, help="seconds before the first token")
    asyncio.run(_serve(arguments.parse_args().latency))
