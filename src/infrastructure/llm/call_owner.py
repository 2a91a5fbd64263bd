"""The worker that makes calls, and one attempt at a stage."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import structlog

from src.domain.ids import CallId
from src.domain.usage import CallStatus
from src.infrastructure.database.answering_models import StageModel
from src.infrastructure.database.model_calls import CallResult
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.telemetry.telemetry import OFF, Telemetry

from .calls_in_flight import CallsInFlight
from .limits import Limits
from .spool import Spool

log = structlog.get_logger()

_LONGEST_UNSENT = timedelta(seconds=10)  # a call is made in the moment in which the database tells that it has it


@dataclass(frozen=True, kw_only=True)
class CallOwner:
    """The worker that makes calls, and what it knows of others.

    Attributes:
        instance: its unique name.
        is_gone: returns whether the instance that opened a call at that time is dead and left no answer.
        in_flight: the calls of this process.
        limits: what providers take from all workers; None: nothing is limited.
        answering: the models that this process knows to be on record as answering.
        spool: where results wait while the database does not answer.
        stopping: set when the process is to stop; None: it has one worker, and stops with it.
        slots: one is held while a stage is made, whichever worker of the process makes it.
        telemetry: what is told of calls.
    """

    instance: str
    colour: str
    code_version: str
    is_gone: Callable[[str, datetime], Awaitable[bool]]
    spool: Spool
    in_flight: CallsInFlight = field(default_factory=CallsInFlight)
    limits: Limits | None = None
    stopping: asyncio.Event | None = None
    slots: AbstractAsyncContextManager[object] = field(default_factory=nullcontext)
    answering: set[StageModel] = field(default_factory=set)
    telemetry: Telemetry = OFF

    async def close_unsent(self, database: Database) -> None:
        """Close the open calls of this process that it did not make.

        Another worker may make them then.
        """
        opened = await database.run_autocommit(
            lambda uow: uow.model_calls.list_open(self.instance, older_than=_LONGEST_UNSENT)
        )
        for call_id in opened:
            if not self.in_flight.was_sent(call_id) and not self.spool.holds(call_id):
                await close_unsent(database, call_id)


async def close_unsent(database: Database, call_id: CallId) -> None:
    """Close a call that is on record and was not made.

    The database went away before it told that the call is on record.
    """
    unsent = CallResult(
        status=CallStatus.FAILED,
        latency_ms=0,
        error_type="NotSent",
        error_message="the database went away before the model was asked",
        cost_usd=Decimal(0),
    )
    await database.run_autocommit(lambda uow: uow.model_calls.close(call_id, unsent))
    log.info("model_call_not_sent", call=str(call_id))


async def _never() -> None:
    await asyncio.Event().wait()


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt of an activity.

    Attributes:
        number: Temporal's, from 1.
        is_given_up: returns, after a cancellation, whether Temporal gave it up and no person stopped it.
        until_stopping: returns when this process is to stop.
        priority: of the article, 1 the highest.
    """

    number: int
    priority: int = 3
    is_given_up: Callable[[], bool] = lambda: False
    until_stopping: Callable[[], Awaitable[object]] = _never
