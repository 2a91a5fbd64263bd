"""The ledger between agent and model.

A paid answer is found again, and none is parsed before it is committed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.agents.language_model import Completion, Prompt, StopReason
from src.domain.article import ArticleRef
from src.domain.errors import ModelError
from src.domain.ids import CallId
from src.domain.usage import CallStatus, Usage
from src.infrastructure.database.model_calls import CallRequest, CallResult, PaidAnswer
from src.infrastructure.database.stage_outputs import Provenance
from src.infrastructure.database.unit_of_work import Database

from .calls_in_flight import CallsInFlight, question_of
from .model_choice import OFFLINE
from .pricing import price
from .providers import ResolvedModel

log = structlog.get_logger()

_HIGHEST_COUNT = 2_147_483_647  # of tokens, that an integer column holds
LONGEST_MESSAGE = 2000  # characters kept of an error
LONGEST_ANSWER = 256 * 1024  # characters kept; a longer one is cut and then not used again
_RETRY_DELAYS = (0.5, 1, 2, 4, 8, 16, 16)  # seconds between tries to commit an answer that is already paid


async def _never() -> None:
    await asyncio.Event().wait()


class Ledger:
    """One stage's LanguageModel that records every call of one activity attempt."""

    def __init__(  # noqa: PLR0913 - the call, its attempt, and how the attempt may end
        self,
        database: Database,
        resolved: ResolvedModel,
        *,
        article: ArticleRef,
        attempt: int,
        worker: str,
        in_flight: CallsInFlight | None = None,
        is_given_up: Callable[[], bool] = lambda: False,
        until_stopping: Callable[[], Awaitable[object]] = _never,
    ) -> None:
        """``in_flight`` are the calls of this process.

        ``is_given_up`` returns, after a cancellation, whether Temporal gave this attempt up and no person stopped it.
        ``until_stopping`` returns when this process is to stop.
        """
        self._in_flight = in_flight or CallsInFlight()
        self._is_given_up = is_given_up
        self._until_stopping = until_stopping
        self._database = database
        self._resolved = resolved
        self._article = article
        self._attempt = attempt
        self._worker = worker
        self._provenance: Provenance | None = None

    @property
    def provenance(self) -> Provenance:
        """Return which prompt and model made the last answer."""
        assert self._provenance is not None  # noqa: S101 - an agent is done after an answer
        return self._provenance

    async def generate(self, prompt: Prompt) -> Completion:
        """Return the paid answer, else buy and commit one.

        Raises what the model raises, after that was committed too.
        """
        prompt = self._resolved.shape(prompt)
        request = self._request(prompt)
        await self._in_flight.wait_for(question_of(request))
        with self._in_flight.asking(question_of(request)):
            found = await self._database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request))
            completion = _as_completion(found) if isinstance(found, PaidAnswer) else await self._buy(prompt, found)
        self._provenance = Provenance(
            prompt=prompt.name, prompt_hash=prompt.hash, provider=self._resolved.provider, model=completion.model
        )
        return completion

    async def _buy(self, prompt: Prompt, call_id: CallId) -> Completion:
        started = time.monotonic()
        call = asyncio.ensure_future(self._resolved.generate(prompt))
        try:
            completion, is_cancelled = await self._await_answer(call)
        except ModelError as error:
            await finish(self._close(call_id, self._failed(error, started)))
            raise
        except asyncio.CancelledError:
            result = CallResult(status=CallStatus.FAILED, latency_ms=_elapsed_ms(started), error_type="Cancelled")
            await finish(self._close(call_id, result))
            raise
        completion = replace(completion, text=storable(completion.text), model=storable(completion.model))
        await finish(self._close(call_id, self._answered(completion, started)))
        if is_cancelled:
            raise asyncio.CancelledError
        return completion

    async def _await_answer(self, call: "asyncio.Future[Completion]") -> tuple[Completion, bool]:
        """Return the answer, and whether this attempt was cancelled meanwhile.

        An attempt that Temporal gave up, because it heard nothing of it, finishes its call unless the process is to
        stop: it is paid for. Any other cancellation cuts the call off.
        """
        try:
            return await asyncio.shield(call), False
        except asyncio.CancelledError:
            if not self._is_given_up():
                await cut_off(call)
                raise
        log.warning("model_call_finishes_unheard", article=str(self._article.article_id))
        stopping = asyncio.ensure_future(self._until_stopping())
        waiting: set[asyncio.Future[Any]] = {call, stopping}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not call.done():
            await cut_off(call)
            raise asyncio.CancelledError
        return call.result(), True

    async def _close(self, call_id: CallId, result: CallResult) -> None:
        await _commit_with_retry(
            lambda: self._database.run_autocommit(lambda uow: uow.model_calls.close(call_id, result))
        )
        log.info(
            "model_call_closed",
            status=result.status.value,
            latency_ms=result.latency_ms,
            cost_usd=None if result.cost_usd is None else str(result.cost_usd),
            **result.model_dump(include={"output_tokens", "error_type"}, exclude_none=True),
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

    def _answered(self, completion: Completion, started: float) -> CallResult:
        is_cut = len(completion.text) > LONGEST_ANSWER
        return CallResult(
            status=CallStatus.DISCARDED if is_cut else CallStatus.ANSWERED,
            latency_ms=_elapsed_ms(started),
            answer=completion.text[:LONGEST_ANSWER],
            stop_reason=completion.stop_reason,
            request_id=storable(completion.request_id) if completion.request_id else None,
            model=completion.model,
            cost_usd=self._price(completion.usage, completion.model),
            **_countable(completion.usage),
        )

    def _failed(self, error: ModelError, started: float) -> CallResult:
        result = CallResult(
            status=CallStatus.FAILED,
            latency_ms=_elapsed_ms(started),
            request_id=storable(error.request_id) if error.request_id else None,
            error_type=type(error).__name__,
            error_message=storable(error.message[:LONGEST_MESSAGE]),
        )
        if error.usage is None and self._resolved.provider != OFFLINE:
            return result
        usage = error.usage or Usage()
        cost = self._price(usage, error.model or self._resolved.model)
        return result.model_copy(update={"cost_usd": cost, **_countable(usage)})

    def _price(self, usage: Usage, model: str) -> Decimal | None:
        return price(self._resolved.provider, model, usage, at=datetime.now(UTC))


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


def storable(text: str) -> str:
    """Return ``text`` as PostgreSQL can store it.

    Halves of a character that arrived in two chunks are joined; a half alone becomes U+FFFD. NUL is dropped.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\x00", "")


def _countable(usage: Usage) -> dict[str, int]:
    """Return the tokens, none more than an integer column holds."""
    return {name: min(count, _HIGHEST_COUNT) for name, count in usage.model_dump().items()}


async def cut_off(call: "asyncio.Future[Completion]") -> None:
    """Cancel the call and wait until its connection is closed."""
    call.cancel()
    await asyncio.wait({call})
    call.cancelled() or call.exception()  # retrieved, or asyncio would log that it was not


async def finish(closing: Coroutine[None, None, None]) -> None:
    """Run ``closing`` to its end, then raise a cancellation that came meanwhile.

    What is known of a paid call is committed before anything else happens.
    """
    task = asyncio.ensure_future(closing)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                break
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


async def _commit_with_retry(commit: Callable[[], Awaitable[None]]) -> None:
    """Commit, and retry while the database is unreachable.

    A paid answer is worth waiting for.
    """
    for delay in _RETRY_DELAYS:
        try:
            return await commit()
        except (DBAPIError, PoolTimeout, OSError) as error:
            log.warning("ledger_commit_failed", error=type(error).__name__, retry_in_seconds=delay)
            await asyncio.sleep(delay)
    return await commit()
