"""What only OpenAI's wire says, spelled out chunk by chunk, and what compatible servers make of it."""

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
    ModelRefused,
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

DONE = "[DONE]"
USAGE = {
    "prompt_tokens": 3210,
    "completion_tokens": 50,
    "total_tokens": 3260,
    "prompt_tokens_details": {"cached_tokens": 3000, "cache_write_tokens": 200},
}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-6.1-terra", "choices": [choice]}


def counted(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    return chunk() | {"choices": [], "usage": usage or USAGE}


def error(code: str | int | None, kind: str | None = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": "no", "type": kind, "param": None, "code": code}}


async def test_usage_counts_the_cache(script: "Script", events: "Events") -> None:
    stream = events(chunk(role="assistant"), chunk(content="Hello"), chunk("stop"), counted(), DONE)
    completion = await script("openai", stream, x_request_id="req_1").ask()

    assert completion.text == "Hello"
    assert completion.model == "gpt-6.1-terra"
    assert completion.request_id == "req_1"
    assert completion.usage == Usage(
        input_tokens=3210, cache_read_tokens=3000, cache_write_tokens=200, output_tokens=50
    )


async def test_nonsense_usage_of_a_compatible_server_is_no_error(script: "Script", events: "Events") -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": -1, "prompt_tokens_details": {"cached_tokens": 9}}
    completion = await script("openai", events(chunk("stop", content="x"), counted(usage), DONE)).ask()
    assert completion.usage == Usage(input_tokens=9, cache_read_tokens=9)

    completion = await script("openai", events(chunk("stop", content="x"))).ask()
    assert completion.usage == Usage()


async def test_a_compatible_server_gets_the_cap_it_knows(script: "Script", events: "Events") -> None:
    scripted = script("openai", events(chunk("stop", content="x"), DONE))
    await scripted.ask(effort="low")

    assert scripted.transport.sent["max_tokens"] == 4000
    assert scripted.transport.sent["reasoning_effort"] == "low"
    assert "max_completion_tokens" not in scripted.transport.sent


async def test_a_refusal_in_the_delta_is_a_refusal(script: "Script", events: "Events") -> None:
    stream = events(chunk(refusal="I can "), chunk(refusal="not"), chunk("stop"), counted(), DONE)
    completion = await script("openai", stream).ask()

    assert completion.stop_reason is StopReason.REFUSED
    assert completion.refusal == "refusal"
    assert completion.text == "I can not"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error("insufficient_quota", "insufficient_quota"), ModelSpendLimitReached),
        (error("rate_limit_exceeded", "tokens"), ModelRateLimited),
        (error(None, "server_error"), ModelUnavailable),
        (error("slow_down", "server_error"), ModelOverloaded),
        (error(None, "invalid_request_error"), ModelBadRequest),
        (error(429, None), ModelRateLimited),
        (error(400, "BadRequestError"), ModelBadRequest),
        (error(None, None), ModelUnavailable),
    ],
)
async def test_an_error_inside_the_stream_is_known_by_its_code(
    script: "Script", events: "Events", body: dict[str, Any], expected: type[ModelError]
) -> None:
    scripted = script("openai", events(chunk(content="Hel"), body), x_request_id="req_2")
    with pytest.raises(ModelError) as caught:
        await scripted.ask()

    assert type(caught.value) is expected
    assert (caught.value.request_id, caught.value.model) == ("req_2", "gpt-6.1-terra")
    assert len(scripted.transport.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, error("invalid_api_key"), ModelAuthenticationFailed),
        (402, error(None, None), ModelSpendLimitReached),
        (403, error("unsupported_country_region_territory"), ModelAuthenticationFailed),
        (400, error("content_filter"), ModelRefused),
        (400, error("context_length_exceeded"), ModelBadRequest),
        (408, error(None), ModelTimedOut),
        (409, error(None), ModelUnavailable),
        (413, error(None), ModelBadRequest),
        (429, error("insufficient_quota", "insufficient_quota"), ModelSpendLimitReached),
        (429, error("rate_limit_exceeded", "requests"), ModelRateLimited),
        (503, error(None, "server_error"), ModelUnavailable),
        (504, error(None, "server_error"), ModelTimedOut),
    ],
)
async def test_an_error_status_gives_way_to_its_code(
    script: "Script", json_bytes: Any, status: int, body: dict[str, Any], expected: type[ModelError]
) -> None:
    scripted = script("openai", json_bytes(body), status=status, x_should_retry="true", x_request_id="req_3")
    with pytest.raises(ModelError) as caught:
        await scripted.ask()

    assert type(caught.value) is expected
    assert caught.value.request_id == "req_3"
    assert len(scripted.transport.requests) == 1


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"[]", b'{"error": "plain"}', b""])
async def test_an_error_page_is_judged_by_its_status(script: "Script", body: bytes) -> None:
    with pytest.raises(ModelUnavailable):
        await script("openai", body, status=502).ask()
    with pytest.raises(ModelUnavailable):
        await script("anthropic", body, status=502).ask()


@pytest.mark.parametrize("body", [b"", b"data: [DONE]\n\n", b"<html>Sign in</html>"])
async def test_a_stream_without_a_finish_reason_is_no_answer(script: "Script", body: bytes) -> None:
    with pytest.raises(ModelStreamTruncated):
        await script("openai", body).ask()


async def test_chunks_of_another_shape_are_malformed(script: "Script", events: "Events") -> None:
    for other in ({"choices": [{"delta": None}]}, {"choices": [3]}, {"choices": 3}):
        with pytest.raises(ModelResponseMalformed):
            await script("openai", events(chunk() | other)).ask()


@pytest.mark.parametrize("broken", ["{not json", error(None, "server_error")])
async def test_a_break_after_the_finish_reason_costs_nothing(script: "Script", events: "Events", broken: Any) -> None:
    stream = events(chunk(content="Whole."), chunk("stop"), broken)
    completion = await script("openai", stream).ask()

    assert completion.text == "Whole."


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (httpx2.ConnectError("refused"), ModelUnreachable, "refused"),
        (httpx2.ReadTimeout("slow"), ModelTimedOut, "silent"),
        (httpx2.PoolTimeout("full"), ModelUnreachable, "lower LONGTAIL_MODEL_SLOTS"),
    ],
)
async def test_the_network_fails_by_name(
    script: "Script", failure: Exception, expected: type[ModelError], words: str
) -> None:
    with pytest.raises(expected, match=words):
        await script("openai", failure).ask()
