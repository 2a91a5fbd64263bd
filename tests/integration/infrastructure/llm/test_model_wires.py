"""Both adapters over real sockets: what goes wrong, what it becomes, and that it is asked exactly once."""

import copy
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from llmock.scenarios import Fail, Reply, StreamFault

from src.agents.answers import KeywordAnalysis
from src.agents.language_model import StopReason
from src.domain.errors import (
    ModelAuthenticationFailed,
    ModelBadRequest,
    ModelError,
    ModelOverloaded,
    ModelRateLimited,
    ModelResponseMalformed,
    ModelStreamTruncated,
    ModelUnavailable,
    ModelUnreachable,
)

if TYPE_CHECKING:
    from .conftest import Wire

ANSWER = "## Why taps leak\n\nA washer wears out."


async def test_an_answer_comes_back_whole_with_its_usage(wire: "Wire") -> None:
    completion = await wire.ask(Reply(text=ANSWER))

    assert completion.text == ANSWER
    assert completion.stop_reason is StopReason.COMPLETE
    assert completion.model == "test-c"
    assert completion.usage.input_tokens > 0
    assert completion.usage.output_tokens > 0
    assert len(wire.requests) == 1


async def test_a_structured_stage_sends_its_schema(wire: "Wire") -> None:
    await wire.ask(Reply(text="{}"), schema=KeywordAnalysis)

    body = wire.requests[0].body
    sent = body["output_config"]["format"] if wire.provider == "anthropic" else body["response_format"]["json_schema"]
    assert sent["schema"]["required"] == list(KeywordAnalysis.model_fields)
    assert sent["schema"]["additionalProperties"] is False
    assert sent["schema"]["$defs"]["Intent"]["type"] == "string"
    assert "maxItems: 8" in sent["schema"]["properties"]["avoid"]["description"]


async def test_the_last_word_is_always_the_user_s(wire: "Wire") -> None:
    await wire.ask(previous="too long a title", follow_up="title has 74 characters, limit 60")
    await wire.ask(previous=" ", follow_up="the answer was empty")
    await wire.ask(previous="an answer nobody speaks about")

    roles = [
        [turn["role"] for turn in request.body["messages"] if turn["role"] != "system"] for request in wire.requests
    ]
    assert roles == [["user", "assistant", "user"], ["user", "user"], ["user"]]


async def test_nothing_is_sent_that_the_newest_models_reject(wire: "Wire") -> None:
    await wire.ask(effort="low", schema=KeywordAnalysis)

    assert not {"temperature", "top_p", "top_k", "tools", "tool_choice"} & wire.requests[0].body.keys()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fail(400), ModelBadRequest),
        (Fail(401), ModelAuthenticationFailed),
        (Fail(403), ModelAuthenticationFailed),
        (Fail(404), ModelBadRequest),
        (Fail(422), ModelBadRequest),
        (Fail(500), ModelUnavailable),
        (Fail(502), ModelUnavailable),
        (Fail(529), ModelOverloaded),
        (StreamFault("disconnect", after_chunks=1), ModelUnreachable),
        (StreamFault("disconnect", after_chunks=4), ModelStreamTruncated),
        (StreamFault("truncate", after_chunks=2), ModelStreamTruncated),
        (StreamFault("malformed", after_chunks=3), ModelResponseMalformed),
    ],
    ids=lambda value: (
        f"{value.status if isinstance(value, Fail) else value.kind}" if not isinstance(value, type) else ""
    ),
)
async def test_each_fault_has_its_error_and_is_asked_once(
    wire: "Wire", fault: Fail | StreamFault, error: type[ModelError]
) -> None:
    with pytest.raises(ModelError) as caught:
        await wire.ask(Reply(text=ANSWER), fault)

    assert type(caught.value) is error
    assert len(wire.requests) == 1
    assert wire.requests[0].sdk_retry_count in (0, None)


async def test_a_rate_limit_says_when_to_come_back(wire: "Wire") -> None:
    with pytest.raises(ModelRateLimited) as caught:
        await wire.ask(Fail(429, retry_after=7))

    assert caught.value.retry_after == timedelta(seconds=7)
    assert len(wire.requests) == 1


async def test_a_broken_call_keeps_what_is_known_of_it(wire: "Wire") -> None:
    with pytest.raises(ModelStreamTruncated) as caught:
        await wire.ask(Reply(text=ANSWER), StreamFault("disconnect", after_chunks=4))

    assert caught.value.model == "test-c"
    assert vars(copy.copy(caught.value)) == vars(caught.value)  # by the same way as between processes
    if wire.provider == "anthropic":  # the other counts in its last chunk only
        assert caught.value.usage is not None
        assert caught.value.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("reason", "stop_reason", "refusal"),
    [("content_filter", StopReason.REFUSED, True), ("length", StopReason.TRUNCATED, False)],
)
async def test_refusals_and_cut_offs_are_answers(
    wire: "Wire", reason: str, stop_reason: StopReason, refusal: bool
) -> None:
    completion = await wire.ask(Reply(text="I would rather not", finish_reason=reason))

    assert completion.stop_reason is stop_reason
    assert completion.text == "I would rather not"
    assert bool(completion.refusal) is refusal
    assert completion.usage.output_tokens > 0


async def test_no_message_holds_the_key(wire: "Wire") -> None:
    with pytest.raises(ModelError) as caught:
        await wire.ask(Fail(400, message="bad key gateway/0123456789 and sk-proj-****abcd " + "x" * 900))

    assert "0123456789" not in str(caught.value)
    assert "abcd" not in str(caught.value)
    assert len(str(caught.value)) < 450
    assert caught.value.__suppress_context__  # nothing of the SDK travels along
