"""OpenAI's Chat Completions, and every compatible server.

Each prompt is one streamed call.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import httpx2
import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.errors import ModelError
from src.domain.usage import Usage

from .chat import messages_of
from .endpoint import CHECK_SECONDS, Endpoint
from .errors import NOT_THE_PROTOCOL, ErrorBuilder
from .json_schema import json_schema
from .model_list import Reply, check_models
from .partial_response import PartialResponse, counted

_STOP_REASONS = {"length": StopReason.TRUNCATED, "content_filter": StopReason.REFUSED}


class OpenAIProvider:
    """One client for all models of a worker."""

    def __init__(self, endpoint: Endpoint, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._endpoint = endpoint
        self._client = openai.AsyncOpenAI(
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

    def model(self, name: str) -> "OpenAIModel":
        """Return the model of this name."""
        return OpenAIModel(self._client, self._endpoint, name)

    async def check(self, names: Collection[str]) -> None:
        """Raise ModelError when key, provider or a model does not work."""
        await check_models(self._get, names, self._endpoint)

    async def _get(self, path: str) -> Reply:
        try:
            response = await self._client.get(path, cast_to=httpx2.Response, options={"timeout": CHECK_SECONDS})
        except openai.APIError as error:
            status = error.status_code if isinstance(error, openai.APIStatusError) else None
            return Reply(status=status, error=_translated(error, ErrorBuilder(self._endpoint)))
        return Reply(status=response.status_code, body=response.content)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class OpenAIModel:
    """One model at one endpoint."""

    def __init__(self, client: openai.AsyncOpenAI, endpoint: Endpoint, name: str) -> None:
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
                await self._client.chat.completions.create(**self._request(prompt)) as stream,
            ):
                await _read(stream, received, errors)
        except asyncio.CancelledError:
            received.raise_cancelled()
            raise
        except (openai.APIError, httpx2.HTTPError, TimeoutError) as error:
            broken_by = _translated(error, errors)  # of no account after a stop reason
        return received.completion(prompt, provider=self._endpoint.provider, asked=self._name, broken_by=broken_by)

    def _request(self, prompt: Prompt) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": "system", "content": prompt.system}, *messages_of(prompt)],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._cap: prompt.max_output_tokens,
            "timeout": self._endpoint.timeout(prompt.max_output_tokens),
        }
        if prompt.effort:
            request["reasoning_effort"] = prompt.effort
        if prompt.schema:
            wanted = {"name": prompt.schema.__name__, "strict": True, "schema": json_schema(prompt.schema)}
            request["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return request

    @property
    def _cap(self) -> str:
        # OpenAI's models reject the old name; compatible servers ignore or reject the new one,
        # https://github.com/ollama/ollama/issues/7125 until all of them know it.
        return "max_completion_tokens" if self._endpoint.is_vendors_own else "max_tokens"


async def _read(
    stream: openai.AsyncStream[ChatCompletionChunk], received: PartialResponse, errors: ErrorBuilder
) -> None:
    received.headers = stream.response.headers
    received.request_id = stream.response.headers.get("x-request-id")
    errors.require_no_page()
    refusal: list[str] = []
    text: list[str] = []
    try:
        try:
            async for chunk in stream:
                _take(chunk, received, text, refusal)
        finally:
            received.text = "".join(text) or "".join(refusal)
    except NOT_THE_PROTOCOL as error:
        if received.stop_reason is None:
            raise errors.malformed(error) from None
    if refusal and received.stop_reason:
        received.stop_reason = StopReason.REFUSED
        received.refusal = "refusal"


def _take(chunk: ChatCompletionChunk, received: PartialResponse, text: list[str], refusal: list[str]) -> None:
    received.model = chunk.model or received.model
    if chunk.usage:
        received.usage = _usage(chunk.usage)
    for choice in chunk.choices or ():
        received.has_content = received.has_content or _has_content(choice.delta)
        if choice.delta.content:
            text.append(choice.delta.content)
        if choice.delta.refusal:
            refusal.append(choice.delta.refusal)
        if choice.finish_reason:
            received.stop_reason = _STOP_REASONS.get(choice.finish_reason, StopReason.COMPLETE)
            received.refusal = "content_filter" if choice.finish_reason == "content_filter" else None


def _has_content(delta: ChoiceDelta) -> bool:
    # compatible servers name the text of their reasoning in one of these ways
    reasoning = (getattr(delta, name, None) for name in ("reasoning_content", "reasoning"))
    return bool(delta.content or delta.refusal or any(reasoning))


def _usage(usage: CompletionUsage) -> Usage:
    parts = usage.prompt_tokens_details
    return counted(
        total=usage.prompt_tokens or 0,
        read=parts.cached_tokens if parts else None,
        write=parts.cache_write_tokens if parts else None,
        output=usage.completion_tokens,
    )


def _translated(error: BaseException, errors: ErrorBuilder) -> ModelError:
    match error:
        case openai.APIStatusError():
            errors.received.request_id = errors.received.request_id or error.request_id
            return errors.answered(
                status=error.status_code,
                names=(error.code, error.type),
                message=error.message,
                headers=error.response.headers,
            )
        case openai.APIConnectionError():
            return errors.unanswered(error.__cause__ or error)
        case openai.APIError():  # an error event inside the stream
            names = (error.code, error.type)
            return errors.answered(status=200, names=names, message=error.message, headers=errors.received.headers)
        case _:
            return errors.interrupted(error)
