"""What only Anthropic's wire says, spelled out event by event."""

from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from src.agents.language_model import StopReason
from src.domain.errors import (
    ModelAuthenticationFailed,
    ModelBadRequest,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelResponseMalformed,
    ModelSpendLimitReached,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)
from src.domain.usage import Usage

if TYPE_CHECKING:
    from .conftest import Events, Script

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5-20261007",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 200,
            "cache_read_input_tokens": 3000,
            "output_tokens": 1,
        },
    },
}
STOP = {"type": "message_stop"}


def block(index: int, text: str) -> list[dict[str, Any]]:
    delta = {"type": "text_delta", "text": text}
    return [
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]


def thinking(index: int) -> list[dict[str, Any]]:
    delta = {"type": "thinking_delta", "thinking": "Let me see."}
    return [
        {
            "type": "content_block_start",
            "index": index,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_delta", "index": index, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": index},
    ]


def end(reason: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None, **more},
        "usage": {"output_tokens": 50},
    }


def error(kind: str, code: str | None = None) -> dict[str, Any]:
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": "no", **details}}


async def test_thinking_is_skipped_and_usage_counts_the_cache(script: "Script", events: "Events") -> None:
    stream = events(START, *thinking(0), *block(1, "Hello "), *block(2, "there"), end("end_turn"), STOP)
    completion = await script("anthropic", stream, request_id="req_1").ask()

    assert completion.text == "Hello there"
    assert completion.model == "claude-sonnet-5-5-20261007"
    assert completion.request_id == "req_1"
    assert completion.usage == Usage(
        input_tokens=3210, cache_read_tokens=3000, cache_write_tokens=200, output_tokens=50
    )


async def test_the_system_text_is_marked_for_the_cache_once(script: "Script", events: "Events") -> None:
    scripted = script("anthropic", events(START, *block(0, "x"), end("end_turn"), STOP))
    await scripted.ask(previous="x", follow_up="shorter", effort="none")

    sent = scripted.transport.sent
    assert sent["system"] == [{"type": "text", "text": "Write plainly.", "cache_control": {"type": "ephemeral"}}]
    assert "cache_control" not in str(sent["messages"])
    assert sent["output_config"] == {"effort": "low"}
    assert sent["max_tokens"] == 4000


@pytest.mark.parametrize(
    ("category", "kept"), [({"type": "refusal", "category": "cyber"}, "cyber"), (None, "unspecified")]
)
async def test_a_refusal_with_text_keeps_its_category(
    script: "Script", events: "Events", category: dict[str, str] | None, kept: str
) -> None:
    stream = events(START, *block(0, "I can not"), end("refusal", stop_details=category), STOP)
    completion = await script("anthropic", stream).ask()

    assert completion.stop_reason is StopReason.REFUSED
    assert completion.refusal == kept
    assert completion.text == "I can not"


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded", "pause_turn"])
async def test_a_cut_off_is_an_answer(script: "Script", events: "Events", reason: str) -> None:
    completion = await script("anthropic", events(START, *thinking(0), end(reason), STOP)).ask()

    assert completion.stop_reason is StopReason.TRUNCATED
    assert completion.text == ""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error("overloaded_error"), ModelOverloaded),
        (error("rate_limit_error"), ModelRateLimited),
        (error("rate_limit_error", "enforced_spend_limit_reached"), ModelSpendLimitReached),
        (error("authentication_error"), ModelAuthenticationFailed),
        (error("invalid_request_error"), ModelBadRequest),
        (error("api_error"), ModelUnavailable),
        (error("something_new"), ModelUnavailable),
    ],
)
async def test_an_error_inside_the_stream_is_known_by_its_type(
    script: "Script", events: "Events", body: dict[str, Any], expected: type[ModelError]
) -> None:
    scripted = script("anthropic", events(START, *block(0, "Hel"), body), request_id="req_2", x_should_retry="true")
    with pytest.raises(ModelError) as caught:
        await scripted.ask()

    assert type(caught.value) is expected
    assert caught.value.usage is not None
    assert caught.value.usage.input_tokens == 3210
    assert (caught.value.request_id, caught.value.model) == ("req_2", "claude-sonnet-5-5-20261007")
    assert len(scripted.transport.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (402, error("billing_error"), ModelSpendLimitReached),
        (429, error("rate_limit_error", "contract_spend_limit_reached"), ModelSpendLimitReached),
        (429, error("rate_limit_error", "enforced_spend_limit_reached"), ModelSpendLimitReached),
        (429, error("rate_limit_error", "ramp_limit_exceeded"), ModelRateLimited),
        (403, error("permission_error", "organization_on_hold"), ModelAuthenticationFailed),
        (408, error("timeout_error"), ModelTimedOut),
        (409, error("conflict_error"), ModelUnavailable),
        (413, error("invalid_request_error"), ModelBadRequest),
        (504, error("timeout_error"), ModelTimedOut),
        (307, error("redirected"), ModelBadRequest),
    ],
)
async def test_an_error_status_gives_way_to_its_code(
    script: "Script", json_bytes: Any, status: int, body: dict[str, Any], expected: type[ModelError]
) -> None:
    scripted = script("anthropic", json_bytes(body), status=status, x_should_retry="true", request_id="req_3")
    with pytest.raises(ModelError) as caught:
        await scripted.ask()

    assert type(caught.value) is expected
    assert caught.value.request_id == "req_3"
    assert len(scripted.transport.requests) == 1


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param((), id="nothing"),
        pytest.param(({"type": "ping"},), id="ping"),
        pytest.param((START, *block(0, "Hel")), id="no stop reason"),
    ],
)
async def test_a_stream_without_a_stop_reason_is_no_answer(
    script: "Script", events: "Events", stream: tuple[Any, ...]
) -> None:
    with pytest.raises(ModelStreamTruncated):
        await script("anthropic", events(*stream)).ask()


async def test_events_of_another_shape_are_malformed(script: "Script", events: "Events") -> None:
    orphan = {"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "x"}}
    with pytest.raises(ModelResponseMalformed) as caught:
        await script("anthropic", events(START, orphan)).ask()
    assert caught.value.usage is not None

    with pytest.raises(ModelResponseMalformed):
        await script("anthropic", events({"type": "message_start", "message": {"id": "m", "content": []}})).ask()


async def test_a_break_after_the_stop_reason_costs_nothing(script: "Script", events: "Events") -> None:
    stream = events(START, *block(0, "Whole."), end("end_turn"), error("api_error"))
    completion = await script("anthropic", stream).ask()

    assert completion.text == "Whole."


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (httpx2.ConnectError("refused"), ModelUnreachable, "cannot be reached (ConnectError: refused)"),
        (httpx2.ConnectTimeout("slow"), ModelUnreachable, "cannot be reached"),
        (httpx2.ReadTimeout("slow"), ModelTimedOut, "silent"),
        (httpx2.PoolTimeout("full"), ModelUnreachable, "lower LONGTAIL_MODEL_SLOTS"),
        (httpx2.LocalProtocolError("Illegal header value b'Bearer x'"), ModelBadRequest, "ANTHROPIC_API_KEY"),
    ],
)
async def test_the_network_fails_by_name(
    script: "Script", failure: Exception, expected: type[ModelError], words: str
) -> None:
    scripted = script("anthropic", failure)
    with pytest.raises(ModelError, match=words.replace("(", r"\(").replace(")", r"\)")) as caught:
        await scripted.ask()

    assert type(caught.value) is expected
    assert len(scripted.transport.requests) == 1
