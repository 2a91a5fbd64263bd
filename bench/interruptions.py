"""Measures what a worker's end by SIGKILL or SIGTERM costs."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from src.domain.stages import STAGES

from . import workload
from .installation import Installation, Worker, reported, stopping
from .measured import Scenario
from .model_server import Call, ModelServer

_POLL_SECONDS = 0.02
_LEFTOVER_SECONDS = 0.2  # requests of a dead worker may still be on their way to the server; no worker starts as fast

# A call opened although the ledger had an answer to the same question by then.
_BOUGHT_AGAIN = text("""
SELECT count(*) FROM model_calls AS later WHERE EXISTS (
    SELECT FROM model_calls AS paid
    WHERE (paid.article_id, paid.revision, paid.stage, paid.prompt_hash, paid.round)
        = (later.article_id, later.revision, later.stage, later.prompt_hash, later.round)
      AND paid.closed_at < later.opened_at AND paid.answer IS NOT NULL)
""")


class Interrupted(BaseModel):
    """One trial.

    Seconds count from the signal; the new worker's start is a part of them.
    """

    model_config = ConfigDict(frozen=True)

    signal: str
    articles: int
    lost: int
    in_flight: int  # calls that the signal found open
    extra_calls: int
    bought_again: int  # stages bought although their answer was in the ledger
    sent_again: int  # the same as the model server saw it: its answer had left completely
    first_call_seconds: float | None  # of the new worker, where the old one makes none any more
    resumed_seconds: tuple[float, float, float] | None  # articles found open resume: first, median, last


async def interrupt(
    scenario: Scenario, installed: Installation, models: ModelServer, *, first: int, kill: bool
) -> Interrupted:
    """Run a batch whose worker gets the signal half-way."""
    models.reset(latency=scenario.latency)
    with ExitStack() as stack:
        old = stack.enter_context(stopping(installed.worker(model_url=models.url, slots=scenario.slots)))
        handle = await installed.start_batch(workload.keywords(scenario.articles, first=first))
        await _answered(models, scenario.articles * len(STAGES) // 2)
        await asyncio.sleep(scenario.latency / 2)  # calls end together; by now the next ones are open
        _end(old, kill=kill)
        signalled = time.monotonic()
        stack.enter_context(stopping(installed.worker(model_url=models.url, slots=scenario.slots)))
        report = await reported(handle)
    calls = models.calls()
    open_then = [call for call in calls if call.begun < signalled and (call.answered or signalled) >= signalled]
    return Interrupted(
        signal="kill -9" if kill else "SIGTERM",
        articles=scenario.articles,
        lost=scenario.articles - report.needs_review,
        in_flight=len(open_then),
        extra_calls=len(calls) - scenario.articles * len(STAGES),
        bought_again=await _bought_again(installed),
        sent_again=_sent_again(calls),
        first_call_seconds=_first_call(calls, signalled) if kill else None,
        resumed_seconds=_resumed(calls, open_then, signalled) if kill else None,
    )


async def _answered(models: ModelServer, count: int) -> None:
    while models.stats().answered < count:  # noqa: ASYNC110 - it happens in another process
        await asyncio.sleep(_POLL_SECONDS)


def _end(worker: Worker, *, kill: bool) -> None:
    if kill:
        worker.kill()
    else:
        worker.drain()


async def _bought_again(installed: Installation) -> int:
    async with installed.database.engine.connect() as connection:
        return int(await connection.scalar(_BOUGHT_AGAIN) or 0)


def _first_call(calls: Sequence[Call], signalled: float) -> float:
    begun = (call.begun - signalled for call in calls)
    return min(seconds for seconds in begun if seconds > _LEFTOVER_SECONDS)


def _sent_again(calls: Sequence[Call]) -> int:
    answered: dict[int, float] = {}
    again = 0
    for call in calls:
        again += answered.get(call.question, call.begun) < call.begun
        if call.answered is not None:
            answered.setdefault(call.question, call.answered)
    return again


def _resumed(calls: Sequence[Call], open_then: Sequence[Call], signalled: float) -> tuple[float, float, float] | None:
    """Return when interrupted articles resumed: first, median and last."""
    waits = sorted(
        min(
            (
                later.begun - signalled
                for later in calls
                if later.keyword == call.keyword and later.begun > signalled + _LEFTOVER_SECONDS
            ),
            default=0.0,
        )
        for call in open_then
    )
    return (waits[0], median(waits), waits[-1]) if waits else None
