"""The Claude models, through Anthropic's SDK.

One streamed call per prompt, never retried here.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import anthropic
import httpx2
from anthropic.lib.streaming import AsyncMessageStream
from anthropic.types import Message

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.errors import ModelError

from .chat import messages_of
from .endpoint import CHECK_SECONDS, Endpoint
from .errors import NOT_THE_PROTOCOL, ErrorBuilder
from .json_schema import json_schema
from .model_list import Reply, check_models
from .partial_response import PartialResponse, counted

_STOP_REASONS = {
    "max_tokens": StopReason.TRUNCATED,
    "model_context_window_exceeded": StopReason.TRUNCATED,
    "pause_turn": StopReason.TRUNCATED,
    "refusal": StopReason.REFUSED,
}


class AnthropicProvider:
    """One client for all models of a worker."""

    def __init__(self, endpoint: Endpoint, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._endpoint = endpoint
        self._client = anthropic.AsyncAnthropic(
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            max_retries=0,  # Temporal owns every retry
            http_client=endpoint.connect(transport),
        )

    @property
    def address(self) -> str:
        """Return the base URL without a password."""
        return self._endpoint.address

    @property
    def account(self) -> str:
        """Return the address with a mark of the key."""
        return self._endpoint.account

    def model(self, name: str) -> "AnthropicModel":
        """Return the model of this name."""
        return AnthropicModel(self._client, self._endpoint, name)

    async def check(self, names: Collection[str]) -> None:
        """Raise ModelError when key, provider or a model does not work."""
        await check_models(
            self._get, names, self._endpoint, query="?limit=1000"
        )  # the most, https://platform.claude.com

    async def _get(self, path: str) -> Reply:
        try:
            response = await self._client.get(f"/v1{path}", cast_to=httpx2.Response, options={"timeout": CHECK_SECONDS})
        except anthropic.APIError as error:
            status = error.status_code if isinstance(error, anthropic.APIStatusError) else None
            return Reply(status=status, error=_translated(error, ErrorBuilder(self._endpoint)))
        return Reply(status=response.status_code, body=response.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class AnthropicModel:
    """One model at one endpoint."""

    def __init__(self, client: anthropic.AsyncAnthropic, endpoint: Endpoint, name: str) -> None:
        self._client = client
        self._endpoint = endpoint
        self._name = name

    async def generate(self, prompt: Prompt) -> Completion:
        """Answer once; see LanguageModel."""
        seconds = self._endpoint.total_seconds(prompt.max_output_tokens)
        received = PartialResponse()
        errors = ErrorBuilder(self._endpoint, received, seconds, self._name)
        broken_by: ModelError | None = None
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.messages.stream(**self._request(prompt)) as stream,
            ):
                await _read(stream, received, errors)
        except asyncio.CancelledError:
            received.raise_cancelled()
            raise
        except (anthropic.APIError, httpx2.HTTPError, TimeoutError) as error:
            broken_by = _translated(error, errors)  # of no account after a stop reason
        return received.completion(prompt, provider=self._endpoint.provider, asked=self._name, broken_by=broken_by)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._name,
            "max_tokens": prompt.max_output_tokens,
            "system": [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}],
            "messages": messages_of(prompt),
            "timeout": self._endpoint.timeout(prompt.max_output_tokens),
        }
        output: dict[str, Any] = {}
        if prompt.effort:
            output["effort"] = "low" if prompt.effort == "none" else prompt.effort  # «none» is not a level here
        if prompt.schema:
            output["format"] = {"type": "json_schema", "schema": json_schema(prompt.schema)}
        return request | {"output_config": output} if output else request


async def _read(stream: AsyncMessageStream[Any], received: PartialResponse, errors: ErrorBuilder) -> None:
    received.request_id = stream.request_id
    received.headers = stream.response.headers
    errors.require_no_page()
    try:
        try:
            async for _ in stream:
                pass
        finally:
            _take(stream, received)  # what came before a break is paid for too
    except NOT_THE_PROTOCOL as error:
        if received.stop_reason is None:
            raise errors.malformed(error) from None
    if received.usage is None:
        raise errors.nothing()


def _take(stream: AsyncMessageStream[Any], received: PartialResponse) -> None:
    try:
        message: Message = stream.current_message_snapshot
    except AssertionError:  # no event has arrived
        return
    received.model = message.model
    received.text = "".join(block.text for block in message.content if block.type == "text")
    received.has_content = bool(received.text) or any(
        block.thinking for block in message.content if block.type == "thinking"
    )
    received.stop_reason = _STOP_REASONS.get(message.stop_reason, StopReason.COMPLETE) if message.stop_reason else None
    if message.stop_reason == "refusal":
        received.refusal = (message.stop_details.category if message.stop_details else None) or "unspecified"
    usage = message.usage
    parts = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    received.usage = counted(
        total=(usage.input_tokens or 0) + parts,
        read=usage.cache_read_input_tokens,
        write=usage.cache_creation_input_tokens,
        output=usage.output_tokens,
    )


def _translated(error: BaseException, errors: ErrorBuilder) -> ModelError:
    match error:
        case anthropic.APIStatusError():
            errors.received.request_id = errors.received.request_id or error.request_id
            return errors.answered(
                status=error.status_code,
                names=(error.error_code, error.type),
                message=error.api_message or error.message,
                headers=error.response.headers,
            )
        case anthropic.APIConnectionError():
            return errors.unanswered(error.__cause__ or error)
        case _:
            return errors.interrupted(error)
