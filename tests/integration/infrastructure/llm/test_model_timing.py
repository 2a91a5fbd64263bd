"""Waiting: how long a provider asks for, how long we wait, and what a cancelled call leaves behind."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest

from src.domain.errors import ModelRateLimited, ModelTimedOut
from src.infrastructure.llm.errors import LONGEST_WAIT, retry_after

if TYPE_CHECKING:
    from .conftest import Script

NOW = datetime(2026, 11, 21, 7, 28, 0, tzinfo=UTC)


class Silence(httpx2.AsyncByteStream):
    """A body of which nothing ever arrives."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
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


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_call_ends_before_temporal_gives_up(
    script: "Script", provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules[f"src.infrastructure.llm.{provider}"], "TOTAL_SECONDS", 0.5
    )  # time to open the stream on a busy machine
    body = Silence()
    with pytest.raises(ModelTimedOut, match="did not finish"):
        await script(provider, body).ask()

    assert body.closed


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
async def test_a_cancelled_call_is_cancelled_and_hangs_up(script: "Script", provider: str) -> None:
    body = Silence()
    call = asyncio.create_task(script(provider, body).ask())
    await body.begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert body.closed
