"""The ledger between agent and model.

A paid answer is found again, and none is parsed before it is committed.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.agents.language_model import CallCancelled, Completion, Prompt, StopReason
from src.domain.article import ArticleRef, ArticleStatus
from src.domain.errors import ArticleEnded, CallUnderWay, ModelError, WorkerLost
from src.domain.ids import CallId
from src.domain.stage_failure import FailureKind, is_final
from src.domain.stages import Stage
from src.domain.text import storable
from src.domain.usage import CallStatus, Usage
from src.infrastructure.database.answering_models import StageModel
from src.infrastructure.database.errors import describe
from src.infrastructure.database.model_calls import CallRequest, CallResult, HeldCall, PaidAnswer
from src.infrastructure.database.stage_outputs import Provenance
from src.infrastructure.database.unit_of_work import Database

from .call_owner import Attempt, CallOwner, close_unsent
from .calls_in_flight import question_of
from .limits import Turn, TurnRequest
from .model_choice import OFFLINE
from .pricing import price
from .providers import ResolvedModel
from .spool import Asked

log = structlog.get_logger()

_HIGHEST_COUNT = 2_147_483_647  # of tokens, that an integer column holds
LONGEST_MESSAGE = 2000  # characters kept of an error
LONGEST_ANSWER = 256 * 1024  # characters kept; a longer one is cut and then not used again
_RETRY_SECONDS = 0.5  # between tries to store a result that is in the spool: work goes on as soon as the database does
_LOOKS = 3  # at the ledger, before an attempt comes again later
_CHARACTERS_A_TOKEN = 3.5  # of a prompt, for an estimate


class Ledger:
    """One stage's LanguageModel that records every call of one activity attempt."""

    def __init__(
        self, database: Database, resolved: ResolvedModel, *, article: ArticleRef, attempt: Attempt, owner: CallOwner
    ) -> None:
        self._database = database
        self._resolved = resolved
        self._article = article
        self._attempt = attempt
        self._owner = owner
        self._gate = None
        if owner.limits is not None and resolved.endpoint is not None:
            self._gate = owner.limits.gate(resolved.endpoint, resolved.model)
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
        question = question_of(request)
        await self._owner.in_flight.wait_for(question)
        with self._owner.in_flight.asking(question):
            completion = await self._answer(prompt, request)
        self._provenance = Provenance(
            prompt=prompt.name, prompt_hash=prompt.hash, provider=self._resolved.provider, model=completion.model
        )
        return completion

    async def _answer(self, prompt: Prompt, request: CallRequest) -> Completion:
        """Return the paid answer, or buy one, if no other worker does."""
        for _ in range(_LOOKS):
            turn, found = await self._find_or_open(request)
            match found:
                case PaidAnswer():
                    return _as_completion(found)
                case HeldCall():
                    await self._settle(found, request)
                case None:
                    await self._require_unended()
                case _:
                    return await self._buy(prompt, request, found, turn)
        raise CallUnderWay("another attempt")

    async def _find_or_open(self, request: CallRequest) -> tuple[Turn | None, PaidAnswer | HeldCall | CallId | None]:
        """Find what there is of the question.

        Else wait for a turn at the provider and open a call.
        """
        if self._gate is None:
            return None, await self._find(request, may_open=True)
        if not self._gate.is_free:  # what is there needs no turn
            found = await self._find(request, may_open=False)
            if found is not None:
                return None, found
        turn = await self._gate.take_turn(
            TurnRequest(
                article_id=request.article_id,
                site=self._article.site,
                stage=request.stage,
                priority=self._attempt.priority,
            )
        )
        return turn, await self._find(request, may_open=True)

    async def _find(self, request: CallRequest, *, may_open: bool) -> PaidAnswer | HeldCall | CallId | None:
        return await self._database.run_autocommit(lambda uow: uow.model_calls.find_or_open(request, may_open=may_open))

    async def _settle(self, held: HeldCall, request: CallRequest) -> None:
        """Close an open call of this or of a dead process.

        Raises CallUnderWay while its worker lives, WorkerLost when the stage lost too many.
        """
        is_ours = held.worker == self._owner.instance  # and no attempt of this process makes it any more
        await self._owner.spool.flush(self._database)
        if not is_ours and not await self._owner.is_gone(held.worker, held.opened_at):
            raise CallUnderWay(held.worker)
        if is_ours and not self._owner.in_flight.was_sent(held.id):
            await close_unsent(self._database, held.id)
            return
        if not await self._database.run_autocommit(lambda uow: uow.model_calls.write_off_call(held.id)):
            return  # its answer came from the spool
        log.warning("model_call_lost", call=str(held.id), worker=held.worker)
        lost = await self._database.run_autocommit(
            lambda uow: uow.stage_failures.record(
                self._article, request.stage, FailureKind.LOST, error_type="WorkerLost", message=held.worker
            )
        )
        if is_final(FailureKind.LOST, failures=lost.failures):
            raise WorkerLost(request.stage, lost.failures)

    async def _require_unended(self) -> None:
        article_id = self._article.article_id
        status = await self._database.run_autocommit(lambda uow: uow.articles.get_status(article_id))
        if not status.may_become(ArticleStatus.GENERATING):
            raise ArticleEnded(article_id)

    async def _buy(self, prompt: Prompt, request: CallRequest, call_id: CallId, turn: Turn | None) -> Completion:
        started = time.monotonic()
        cut: list[CallCancelled] = []
        self._owner.in_flight.note_sent(call_id)
        call = asyncio.ensure_future(self._ask(prompt, cut))
        try:
            completion, is_cancelled = await self._await_answer(call)
        except ModelError as error:
            await self._finish(call_id, self._told(request, self._failed(error, started), prompt), prompt.stage)
            if self._gate and turn:
                await self._gate.failed(turn, error)
            raise
        except asyncio.CancelledError:
            await self._finish(call_id, self._told(request, self._cancelled(cut, started), prompt), prompt.stage)
            raise
        completion = replace(completion, text=storable(completion.text), model=storable(completion.model))
        await self._finish(call_id, self._told(request, self._answered(completion, started), prompt), prompt.stage)
        if self._gate and turn:
            await self._gate.answered(turn, completion.headers)
        await self._note_answer(prompt.stage)
        if is_cancelled:
            raise asyncio.CancelledError
        return completion

    def _told(self, request: CallRequest, result: CallResult, prompt: Prompt) -> CallResult:
        """Return the result, which metrics and traces know then."""
        self._owner.telemetry.call_closed(request, result, prompt, endpoint=self._resolved.endpoint)
        return result

    async def _note_answer(self, stage: Stage) -> None:
        """Put on record, once a process, that the model answers.

        Without a database the next answer is noted: the call itself is on record.
        """
        if self._resolved.account is None:
            return
        model = StageModel(self._resolved.account, stage, self._resolved.model)
        if model in self._owner.answering:
            return
        try:
            await self._database.run_autocommit(lambda uow: uow.answering_models.add(model))
        except (DBAPIError, PoolTimeout, OSError) as error:
            log.warning("answer_not_noted", error=type(error).__name__)
            return
        self._owner.answering.add(model)

    async def _ask(self, prompt: Prompt, cut: list[CallCancelled]) -> Completion:
        """Return the model's answer; keep in ``cut`` what a cancelled call knew."""
        try:
            return await self._resolved.generate(prompt)
        except CallCancelled as cancelled:
            cut.append(cancelled)
            raise

    async def _await_answer(self, call: "asyncio.Future[Completion]") -> tuple[Completion, bool]:
        """Return the answer, and whether this attempt was cancelled meanwhile.

        An attempt that Temporal gave up, because it heard nothing of it, finishes its call unless the process is to
        stop: it is paid for. Any other cancellation cuts the call off.
        """
        try:
            return await asyncio.shield(call), False
        except asyncio.CancelledError:
            if not self._attempt.is_given_up():
                await cut_off(call)
                raise
        log.warning("model_call_finishes_unheard", article=str(self._article.article_id))
        stopping = asyncio.ensure_future(self._attempt.until_stopping())
        waiting: set[asyncio.Future[Any]] = {call, stopping}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if not call.done():
            await cut_off(call)
            raise asyncio.CancelledError
        return call.result(), True

    async def _finish(self, call_id: CallId, result: CallResult, stage: Stage) -> None:
        """Store the result, whatever happens meanwhile.

        At the end of a worker it may stay in the spool.
        """
        closing = self._close(call_id, result, Asked(self._article.article_id, stage))
        await finish(closing, may_leave=lambda: self._owner.spool.holds(call_id))
        self._owner.in_flight.note_stored(call_id)

    async def _close(self, call_id: CallId, result: CallResult, asked: Asked) -> None:
        await self._store(call_id, result, asked)
        log.info(
            "model_call_closed",
            call=str(call_id),
            provider=self._resolved.provider,
            model=result.model or self._resolved.model,
            status=result.status.value,
            latency_ms=result.latency_ms,
            cost_usd=None if result.cost_usd is None else str(result.cost_usd),
            **result.model_dump(include={"input_tokens", "output_tokens", "error_type"}, exclude_none=True),
        )

    async def _store(self, call_id: CallId, result: CallResult, asked: Asked) -> None:
        """Commit the result.

        It waits in a file while the database does not answer, and here while no file can be written: both are tried in
        turn. Cancelled meanwhile, it stays in the file: the worker, or the next one, stores it.
        """
        spool = self._owner.spool
        reported: str | None = None
        while True:
            try:
                await self._database.run_autocommit(lambda uow: uow.model_calls.close(call_id, result))
            except DBAPIError as error:
                if describe(error).is_rejection:
                    raise
                problem = type(error).__name__
            except (PoolTimeout, OSError) as error:
                problem = type(error).__name__
            else:
                spool.forget(call_id)
                return
            if problem != reported:
                log.warning("call_not_stored", error=problem)
                reported = problem
            if not spool.holds(call_id):
                spool.keep(call_id, result, asked)
            await asyncio.sleep(_RETRY_SECONDS)

    def _request(self, prompt: Prompt) -> CallRequest:
        return CallRequest(
            article_id=self._article.article_id,
            revision=self._article.revision,
            stage=prompt.stage,
            prompt=prompt.name,
            prompt_hash=prompt.hash,
            question=prompt.question,
            round=prompt.round,
            attempt=self._attempt.number,
            provider=self._resolved.provider,
            model=self._resolved.model,
            worker=self._owner.instance,
            colour=self._owner.colour,
            code_version=self._owner.code_version,
            estimated_cost_usd=self._price(_at_most(prompt), self._resolved.model),
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
            cost_usd=self._price(completion.usage, completion.model) if completion.is_counted else None,
            **(_countable(completion.usage) if completion.is_counted else {}),
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
        return self._counted(result, error.usage or Usage(), error.model)

    def _cancelled(self, cut: list[CallCancelled], started: float) -> CallResult:
        result = CallResult(status=CallStatus.FAILED, latency_ms=_elapsed_ms(started), error_type="Cancelled")
        for known in cut:
            result = self._counted(result, known.usage, known.model)
            result = result.model_copy(update={"request_id": storable(known.request_id or "") or None})
        return result

    def _counted(self, result: CallResult, usage: Usage, model: str | None) -> CallResult:
        cost = self._price(usage, model or self._resolved.model)
        return result.model_copy(update={"cost_usd": cost, **_countable(usage)})

    def _price(self, usage: Usage, model: str) -> Decimal | None:
        return price(self._resolved.provider, model, usage, at=datetime.now(UTC))


def _at_most(prompt: Prompt) -> Usage:
    """Return what the call uses at most.

    Then the answer is as long as its cap.
    """
    characters = len(prompt.system) + len(prompt.user) + len(prompt.previous or "") + len(prompt.follow_up or "")
    return Usage(input_tokens=round(characters / _CHARACTERS_A_TOKEN), output_tokens=prompt.max_output_tokens)


def _as_completion(paid: PaidAnswer) -> Completion:
    return Completion(
        text=paid.answer,
        stop_reason=StopReason(paid.stop_reason),
        model=paid.model,
        request_id=paid.request_id,
        is_counted=paid.output_tokens is not None,
        usage=Usage(
            input_tokens=paid.input_tokens or 0,
            cache_read_tokens=paid.cache_read_tokens or 0,
            cache_write_tokens=paid.cache_write_tokens or 0,
            output_tokens=paid.output_tokens or 0,
        ),
    )


def _countable(usage: Usage) -> dict[str, int]:
    """Return the tokens, none more than an integer column holds."""
    return {name: min(count, _HIGHEST_COUNT) for name, count in usage.model_dump().items()}


async def cut_off(call: "asyncio.Future[Completion]") -> None:
    """Cancel the call and wait until its connection is closed."""
    call.cancel()
    await asyncio.wait({call})
    call.cancelled() or call.exception()  # retrieved, or asyncio would log that it was not


async def finish(closing: Coroutine[None, None, None], *, may_leave: Callable[[], bool] = lambda: False) -> None:
    """Run ``closing`` to its end, then raise a cancellation that came meanwhile.

    What is known of a paid call is committed before anything else happens. A cancellation is raised as soon as
    ``may_leave`` returns True.
    """
    task = asyncio.ensure_future(closing)
    is_cancelled = False
    while not task.done():
        if is_cancelled and may_leave():
            task.cancel()
        try:
            await asyncio.wait({task}, timeout=_RETRY_SECONDS if is_cancelled else None)
        except asyncio.CancelledError:
            is_cancelled = True
    if not task.cancelled():
        task.result()
    if is_cancelled:
        raise asyncio.CancelledError


def _elapsed_ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
