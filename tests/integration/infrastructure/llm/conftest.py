"""The two wires: a mock server behind real sockets, and answers that no mock server gives."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from llmock.scenarios import Behavior
from llmock.testing import LLMockServer

from src.agents.language_model import Completion, LanguageModel, Prompt
from src.domain.stages import Stage
from src.infrastructure.llm.anthropic import AnthropicProvider
from src.infrastructure.llm.endpoint import Endpoint
from src.infrastructure.llm.openai import OpenAIProvider

KEY = "gateway/0123456789"
PROMPT = Prompt(
    stage=Stage.ARTICLE,
    name="article v1",
    system="Write plainly.",
    data={"keyword": "leaky tap"},
    schema=None,
    max_output_tokens=4000,
)
PROVIDERS: dict[str, type[AnthropicProvider | OpenAIProvider]] = {
    "anthropic": AnthropicProvider,
    "openai": OpenAIProvider,
}


def endpoint(provider: str, base_url: str = "http://127.0.0.1:9", *, slowest_rate: float | None = None) -> Endpoint:
    return Endpoint(
        provider=provider,
        base_url=base_url,
        key_variable=f"{provider.upper()}_API_KEY",
        connections=4,
        api_key=KEY,
        slowest_rate=slowest_rate,
    )


@dataclass(frozen=True)
class Wire:
    """One vendor's adapter in front of the mock server."""

    provider: str
    server: LLMockServer
    model: LanguageModel

    async def ask(self, *behaviours: Behavior, **changes: Any) -> Completion:
        self.server.state.scenarios.add(*behaviours)
        return await self.model.generate(replace(PROMPT, **changes))

    @property
    def requests(self) -> list[Any]:
        return list(self.server.state.journal.records(wait=2))


@pytest.fixture(scope="session")
def server() -> Iterator[LLMockServer]:
    with LLMockServer() as running:
        yield running


@pytest.fixture(params=["anthropic", "openai"])
async def wire(request: pytest.FixtureRequest, server: LLMockServer) -> AsyncIterator[Wire]:
    server.state.reset()
    provider = PROVIDERS[request.param](endpoint(request.param, server.base_url(request.param)))
    yield Wire(request.param, server, provider.model("test-c"))
    await provider.close()


class Answers(httpx2.AsyncBaseTransport):
    """Answers every request the same way and counts them."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self._answer = answer
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)

    @property
    def sent(self) -> Any:
        return json.loads(self.requests[-1].content)


Events = Callable[..., bytes]


@pytest.fixture(scope="session")
def events() -> Events:
    """Server-sent events: the type is named twice on one wire and not at all on the other."""

    def of(*data: Any) -> bytes:
        lines = []
        for item in data:
            name = f"event: {item['type']}\n" if isinstance(item, dict) and "type" in item else ""
            lines.append(f"{name}data: {item if isinstance(item, str) else json.dumps(item)}\n\n")
        return "".join(lines).encode()

    return of


@pytest.fixture(scope="session")
def json_bytes() -> Callable[[Any], bytes]:
    return lambda value: json.dumps(value).encode()


@dataclass(frozen=True)
class Scripted:
    """One vendor's adapter in front of an answer spelled out by the test."""

    model: LanguageModel
    transport: Answers

    async def ask(self, **changes: Any) -> Completion:
        return await self.model.generate(replace(PROMPT, **changes))


Script = Callable[..., Scripted]
Body = bytes | Exception | httpx2.AsyncByteStream


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    opened: list[AnthropicProvider | OpenAIProvider] = []

    def of(provider: str, body: Body, *, status: int = 200, **headers: str) -> Scripted:
        def answer(request: httpx2.Request) -> httpx2.Response:
            if isinstance(body, Exception):
                raise body
            kind = "text/event-stream" if status == 200 else "application/json"
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            content = {"content": body} if isinstance(body, bytes) else {"stream": body}
            return httpx2.Response(status, headers={"content-type": kind, **named}, request=request, **content)

        transport = Answers(answer)
        opened.append(PROVIDERS[provider](endpoint(provider), transport=transport))
        return Scripted(opened[-1].model("test-c"), transport)

    yield of
    for provider in opened:
        await provider.close()
