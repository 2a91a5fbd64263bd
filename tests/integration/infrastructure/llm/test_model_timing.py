"""Waiting: how long a provider asks for, how long we wait, and what a cancelled call leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest
from llmock.scenarios import Reply, StreamFault

from src.agents.language_model import CallCancelled
from src.domain.errors import ModelRateLimited, ModelStreamTruncated, ModelTimedOut
from src.infrastructure.llm.errors import LONGEST_WAIT, retry_after

from .conftest import endpoint
from .test_anthropic_model import START, block

if TYPE_CHECKING:
    from .conftest import Events, Script, Wire

NOW = datetime(2026, 11, 21, 7, 28, 0, tzinfo=UTC)


class Silence(httpx2.AsyncByteStream):
    """A body of which nothing more ever arrives."""

    def __init__(self, before: bytes = b"") -> None:
        self._before = before
        self.begun = asyncio.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._before:
            yield self._before
        self.begun.set()
        await asyncio.Event().wait()
        yield b""

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "7", "retry-after-ms": "soon"}, 7),
        ({"retry-after": "Sat, 21 Nov 2026 07:28:30 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 07:27:30 GMT"}, 0),
        ({"retry-after": "Sat, 21 Nov 2026 07:28:30 -0000"}, 30),
        ({"retry-after": "1e300"}, LONGEST_WAIT.total_seconds()),
        ({"retry-after-ms": "1e300"}, LONGEST_WAIT.total_seconds()),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 07:28:30 GMT"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_spelling(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_milliseconds_win_over_seconds(script: "Script", provider: str) -> None:
    with pytest.raises(ModelRateLimited) as caught:
        await script(provider, b"{}", status=429, retry_after="9", retry_after_ms="1500").ask()

    assert caught.value.retry_after == timedelta(seconds=1.5)


@pytest.fixture
def no_time_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is what the answer takes: half a second for two tokens."""
    monkeypatch.setattr("src.infrastructure.llm.endpoint.START_SECONDS", 0)


@pytest.mark.usefixtures("no_time_to_start")
@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_call_may_take_as_long_as_its_longest_answer(script: "Script", provider: str) -> None:
    body = Silence()
    with pytest.raises(ModelTimedOut, match=r"did not finish within 0 s, .* at 4 tokens/s \(LONGTAIL_SLOWEST_RATE\)"):
        await script(provider, body).ask(max_output_tokens=2)

    assert body.closed


@pytest.mark.usefixtures("no_time_to_start")
async def test_a_server_that_stalls_is_given_up(wire: "Wire") -> None:
    with pytest.raises(ModelTimedOut):
        await wire.ask(Reply(text="one two three"), StreamFault("stall", after_chunks=2), max_output_tokens=2)


@pytest.mark.parametrize(
    ("provider", "base_url", "rate"),
    [
        ("anthropic", "https://api.anthropic.com", 60),
        ("openai", "https://api.openai.com/v1", 60),
        ("openai", "https://eu.api.openai.com/v1", 60),
        ("openai", "https://shop.openai.azure.com/openai/v1", 60),
        ("openai", "https://notopenai.com/v1", 4),
        ("openai", "http://127.0.0.1:11434/v1", 4),
        ("anthropic", "https://gateway.example", 4),
    ],
)
def test_a_vendor_is_expected_to_be_faster_than_a_server_of_one_s_own(
    provider: str, base_url: str, rate: float
) -> None:
    assert endpoint(provider, base_url).rate == rate
    assert endpoint(provider, base_url).total_seconds(16_000) == 16_000 / rate + 30
    assert endpoint(provider, base_url, slowest_rate=20).total_seconds(16_000) == 830


@pytest.mark.parametrize(
    ("slowest_rate", "tokens", "silence"), [(60, 16_000, 90), (4, 16_000, 300), (4, 400, 130), (200, 4000, 50)]
)
def test_no_silence_is_longer_than_the_call(slowest_rate: float, tokens: int, silence: float) -> None:
    assert endpoint("openai", slowest_rate=slowest_rate).timeout(tokens).read == silence


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_each_call_is_sent_with_its_own_limits(script: "Script", provider: str) -> None:
    scripted = script(provider, b"")
    for tokens in (400, 16_000):
        with pytest.raises(ModelStreamTruncated):
            await scripted.ask(max_output_tokens=tokens)

    reads = [request.extensions["timeout"]["read"] for request in scripted.transport.requests]
    assert reads == [130, 300]


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_cancelled_call_is_cancelled_and_hangs_up(script: "Script", provider: str) -> None:
    body = Silence()
    call = asyncio.create_task(script(provider, body).ask())
    await body.begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert body.closed


async def test_a_cancelled_call_tells_what_it_had_used(script: "Script", events: "Events") -> None:
    body = Silence(events(START, *block(0, "Hel")))
    call = asyncio.create_task(script("anthropic", body, request_id="req_9").ask())
    await body.begun.wait()
    call.cancel()
    with pytest.raises(CallCancelled) as caught:
        await call

    assert body.closed
    assert caught.value.usage.input_tokens == 3210
    assert (caught.value.model, caught.value.request_id) == ("claude-sonnet-5-5-20261007", "req_9")
