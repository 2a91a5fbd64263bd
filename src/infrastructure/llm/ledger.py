"""The ledger between agent and model: a paid answer is found again, and none is parsed before it is committed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.article import ArticleRef
from src.domain.errors import ModelError
from src.domain.ids import CallId
from src.domain.usage import CallStatus, Usage
from src.infrastructure.database.model_calls import CallRequest, PaidAnswer
from src.infrastructure.database.unit_of_work import Database

from .model_choice import OFFLINE
from .pricing import price
from .providers import ResolvedModel

log = structlog.get_logger()

LONGEST_ANSWER = 256 * 1024  # characters kept; a longer one is cut and then not used again
_PATIENCE = (0.5, 1, 2, 4, 8, 16, 16)  # seconds between tries to commit an answer that is already paid


class Ledger:
    """One stage's LanguageModel, with every call of one activity attempt on record.

    ``provenance`` holds, after the agent is done, which prompt and model made the output.
    """

    def __init__(
        self, database: Database, resolved: ResolvedModel, *, article: ArticleRef, attempt: int, worker: str
    ) -> None:
        self._database = database
        self._resolved = resolved
        self._article = article
        self._attempt = attempt
        self._worker = worker
        self.provenance: dict[str, str] = {}

    async def generate(self, prompt: Prompt) -> Completion:
        """Return the paid answer to this very prompt, else buy one and commit it before returning it.

        Raises what the model raises, after that was committed too.
        """
        prompt = self._resolved.shape(prompt)
        request = self._request(prompt)
        found = await self._database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
        completion = _as_completion(found) if isinstance(found, PaidAnswer) else await self._buy(prompt, found)
        self.provenance = {
            "prompt": prompt.name,
            "prompt_hash": prompt.hash,
            "provider": self._resolved.provider,
            "model": completion.model,
        }
        return completion

    async def _buy(self, prompt: Prompt, call_id: CallId) -> Completion:
        started = time.monotonic()
        try:
            completion = await self._resolved.generate(prompt)
        except ModelError as error:
            await self._close(call_id, started, CallStatus.FAILED, **self._failed(error))
            raise
        except asyncio.CancelledError:
            closing = self._close(call_id, started, CallStatus.FAILED, error_type="Cancelled")
            await asyncio.shield(asyncio.ensure_future(closing))
            raise
        cut = len(completion.text) > LONGEST_ANSWER
        status = CallStatus.DISCARDED if cut else CallStatus.ANSWERED
        await self._close(call_id, started, status, **self._answered(completion))
        return completion

    async def _close(self, call_id: CallId, started: float, status: CallStatus, **columns: Any) -> None:  # noqa: ANN401
        latency_ms = round((time.monotonic() - started) * 1000)
        await _insist(
            lambda: self._database.run_autocommit(
                lambda uow: uow.model_calls.close(call_id, status=status, latency_ms=latency_ms, **columns)
            )
        )
        told = {name: columns[name] for name in ("output_tokens", "error_type") if name in columns}
        cost = columns.get("cost_usd")
        log.info(
            "model_call_closed",
            status=status.value,
            latency_ms=latency_ms,
            cost_usd=None if cost is None else str(cost),
            **told,
        )

    def _request(self, prompt: Prompt) -> CallRequest:
        return CallRequest(
            article_id=self._article.article_id,
            revision=self._article.revision,
            stage=prompt.stage,
            prompt=prompt.name,
            prompt_hash=prompt.hash,
            round=prompt.round,
            attempt=self._attempt,
            provider=self._resolved.provider,
            model=self._resolved.model,
            worker=self._worker,
        )

    def _answered(self, completion: Completion) -> dict[str, Any]:
        return {
            "answer": completion.text[:LONGEST_ANSWER].replace("\x00", ""),  # PostgreSQL's text holds no NUL
            "stop_reason": completion.stop_reason,
            "request_id": completion.request_id,
            "model": completion.model,
            **self._used(completion.usage, completion.model),
        }

    def _failed(self, error: ModelError) -> dict[str, Any]:
        known: dict[str, Any] = {"error_type": type(error).__name__, "error_message": error.message[:2000]}
        if error.request_id:
            known["request_id"] = error.request_id
        if error.usage or self._resolved.provider == OFFLINE:
            known |= self._used(error.usage or Usage(), error.model or self._resolved.model)
        return known

    def _used(self, usage: Usage, model: str) -> dict[str, Any]:
        cost = price(self._resolved.provider, model, usage, at=datetime.now(UTC))
        return usage.model_dump() | {"cost_usd": cost}


def _as_completion(paid: PaidAnswer) -> Completion:
    return Completion(
        text=paid.answer,
        stop_reason=StopReason(paid.stop_reason),
        model=paid.model,
        request_id=paid.request_id,
        usage=Usage(
            input_tokens=paid.input_tokens or 0,
            cache_read_tokens=paid.cache_read_tokens or 0,
            cache_write_tokens=paid.cache_write_tokens or 0,
            output_tokens=paid.output_tokens or 0,
        ),
    )


async def _insist(commit: Callable[[], Awaitable[None]]) -> None:
    """Commit, and try again while the database is away: an answer that is paid is worth waiting for."""
    for pause in _PATIENCE:
        try:
            return await commit()
        except (DBAPIError, OSError) as error:
            log.warning("ledger_commit_failed", error=str(error), retry_in_seconds=pause)
            await asyncio.sleep(pause)
    return await commit()
