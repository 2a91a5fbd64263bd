"""An answer that breaks off: its complete sections are kept where the prompt can go on from them."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from llmock.scenarios import Reply, StreamFault

from src.agents.answers import KeywordAnalysis
from src.agents.language_model import StopReason
from src.domain.errors import (
    ModelBadRequest,
    ModelError,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)
from src.domain.stage_failure import FailureKind, kind_of

from .test_anthropic_model import START, block, thinking
from .test_anthropic_model import error as anthropic_error
from .test_openai_model import chunk
from .test_openai_model import error as openai_error

if TYPE_CHECKING:
    from .conftest import Events, Script, Wire

COMPLETE = "## Why\n\nA washer.\n\n## How\n\nTurn it off."
ANSWER = f"{COMPLETE}\nThen take the tap apart with the spanner and look at the washer."
AFTER_COMPLETE = 14  # chunks; each is a word, and a few come before the first
BREAKS = pytest.mark.parametrize(
    ("kind", "error"),
    [("disconnect", ModelStreamTruncated), ("truncate", ModelStreamTruncated), ("stall", ModelTimedOut)],
)


@pytest.fixture(autouse=True)
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of four tokens takes a second at most."""
    monkeypatch.setattr("src.infrastructure.llm.endpoint.START_SECONDS", 0)


async def ask(wire: "Wire", kind: Any, *, after_chunks: int = AFTER_COMPLETE, **changes: Any) -> Any:
    changes = {"resumable": True, "max_output_tokens": 4} | changes
    return await wire.ask(Reply(text=ANSWER), StreamFault(kind, after_chunks=after_chunks), **changes)


@BREAKS
async def test_its_complete_lines_are_kept(wire: "Wire", kind: str, error: type[ModelError]) -> None:
    completion = await ask(wire, kind)

    assert (completion.text, completion.stop_reason) == (COMPLETE, StopReason.TRUNCATED)
    assert completion.model == "test-c"
    assert completion.is_counted is (wire.provider == "anthropic")  # the other counts in its last chunk only
    if completion.is_counted:
        assert completion.usage.input_tokens > 0
    assert len(wire.requests) == 1


@BREAKS
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"resumable": False}, id="not resumable"),
        pytest.param({"resumable": False, "schema": KeywordAnalysis}, id="schema"),
        pytest.param({"after_chunks": 6}, id="no complete section"),
    ],
)
async def test_without_use_for_them_it_is_the_error_it_was(
    wire: "Wire", kind: str, error: type[ModelError], changes: dict[str, Any]
) -> None:
    with pytest.raises(ModelError) as caught:
        await ask(wire, kind, **changes)

    assert type(caught.value) is error
    assert caught.value.model == "test-c"
    assert (caught.value.usage is not None) is (wire.provider == "anthropic")
    assert caught.value.__suppress_context__  # nothing of the SDK travels along


async def test_half_a_line_is_not_taken_for_a_heading(script: "Script", events: "Events") -> None:
    stream = events(chunk(content="## Why\n\nTools are:\n-"))  # with its dash it would read as a heading
    with pytest.raises(ModelStreamTruncated):
        await script("openai", stream).ask(resumable=True)


@pytest.mark.parametrize(("kind", "error"), [("api_error", None), ("invalid_request_error", ModelBadRequest)])
async def test_an_error_inside_the_stream_is_a_break_unless_it_rejects(
    script: "Script", events: "Events", kind: str, error: type[ModelError] | None
) -> None:
    streams = {
        "anthropic": events(START, *block(0, ANSWER), anthropic_error(kind)),
        "openai": events(chunk(content=ANSWER), openai_error(None, kind)),
    }
    for provider, stream in streams.items():
        scripted = script(provider, stream)
        if error is None:
            assert (await scripted.ask(resumable=True, max_output_tokens=100)).text == COMPLETE
            with pytest.raises(ModelUnavailable) as caught:
                await scripted.ask(max_output_tokens=100)
            assert kind_of(caught.value) is FailureKind.PAID
        else:
            with pytest.raises(error):
                await scripted.ask(resumable=True, max_output_tokens=100)


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize("content", ["none", "text", "reasoning"])
async def test_a_stream_that_breaks_off_was_paid_once_content_came(
    script: "Script", events: "Events", provider: str, content: str
) -> None:
    written = {
        "anthropic": {"none": [], "text": block(0, "A washer."), "reasoning": thinking(0)},
        "openai": {
            "none": [chunk(role="assistant", content="")],
            "text": [chunk(content="A washer.")],
            "reasoning": [chunk(reasoning_content="Let me see.")],
        },
    }[provider][content]
    start = [START] if provider == "anthropic" else []

    class Breaking(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield events(*start, *written)
            raise httpx2.ReadError("connection reset")

    with pytest.raises(ModelError, match="ReadError: connection reset") as caught:
        await script(provider, Breaking()).ask(max_output_tokens=100)
    expected = FailureKind.OUTAGE if content == "none" else FailureKind.PAID
    assert kind_of(caught.value) is expected
    assert type(caught.value) is (ModelUnreachable if content == "none" else ModelStreamTruncated)
    if provider == "anthropic":  # the other counts in its last chunk only
        assert caught.value.usage is not None
        assert caught.value.usage.input_tokens == 3210


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize("kind", ["text/html", "Text/HTML; charset=utf-8", "application/xhtml+xml"])
async def test_a_page_for_people_is_an_outage_and_says_what_to_check(
    script: "Script", provider: str, kind: str
) -> None:
    page = b"<!doctype html>\n<html><head><title>Sign in</title></head>\n<body>data: welcome</body></html>\n\n"
    with pytest.raises(ModelUnavailable, match=f"HTML page .*check {provider.upper()}_BASE_URL") as caught:
        await script(provider, page, content_type=kind).ask(resumable=True)
    assert kind_of(caught.value) is FailureKind.OUTAGE
    assert caught.value.usage is None


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"data: {not json\n\n", "no JSON"),
        (b"data: 5\n\n", "without the fields of its protocol"),
        (b"data: [1]\n\n", "without the fields of its protocol"),
        (b"data: {}\n\n", "stream"),
        (b"data: \xff\n\n", "no UTF-8"),
    ],
)
async def test_a_broken_stream_is_told_in_words(
    script: "Script", events: "Events", provider: str, line: bytes, words: str
) -> None:
    start = events(START) if provider == "anthropic" else b""
    event = b"event: content_block_delta\n" if provider == "anthropic" else b""
    with pytest.raises(ModelError, match=words) as caught:
        await script(provider, start + event + line).ask()
    assert kind_of(caught.value) is FailureKind.PAID
    assert "Error" not in caught.value.message
