"""Registration of a worker, and proof that others are dead."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.domain.colour import Colour
from src.domain.running_code import RunningCode
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.database.workers import RegisteredWorker, WorkerRecord

from . import process

log = structlog.get_logger()

BEAT = timedelta(seconds=2)  # also how soon a dead worker of this machine is noticed
LEASE = timedelta(seconds=60)  # of a worker on another machine: as long as the heartbeat timeout of its activities
SPOOL_PATIENCE = timedelta(minutes=15)  # for a worker on another machine to come back and store what it kept
UNREGISTERED = timedelta(minutes=6)  # a worker without a row is of an earlier version: above its longest call


class Registration:
    """This worker's row, and the proof that others died.

    Death is proven by a goodbye, by the process table of the same machine, or by a lease that ran out while the
    database answered.
    """

    def __init__(
        self,
        database: Database,
        *,
        instance: str,
        colour: Colour,
        code: RunningCode,
        slots: int,
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._lease = lease
        self._answering_since: float | None = None  # monotonic: since then every beat reached the database
        started = process.started_at()
        assert started is not None  # noqa: S101 - this process runs
        self.worker = RegisteredWorker(
            instance=instance,
            colour=colour,
            host=process.host(),
            pid=os.getpid(),
            process_started_at=started,
            code_version=code.version,
            slots=slots,
            generation=code.generation,
            migration=code.migration,
            prompts=code.prompts,
            settings=code.settings,
        )

    @property
    def instance(self) -> str:
        """Return the worker's unique name."""
        return self.worker.instance

    @property
    def database_answers(self) -> bool:
        """Return whether the last beat reached the database."""
        return self._answering_since is not None

    async def register(self) -> None:
        """Store the worker, before it polls."""
        await self._database.run_autocommit(lambda uow: uow.workers.register(self.worker))
        self._answering_since = time.monotonic()

    async def start_draining(self) -> None:
        """Store that the worker polls no more, if the database answers."""
        await self._note(lambda uow: uow.workers.start_draining(self.instance))

    async def say_goodbye(self) -> None:
        """Store that the worker ended, if the database answers."""
        await self._note(lambda uow: uow.workers.say_goodbye(self.instance))

    async def keep(
        self, *, on_beat: Callable[[], Awaitable[object]], on_dead: Callable[[WorkerRecord], Awaitable[object]]
    ) -> None:
        """Beat until cancelled.

        Each time that the database answers ``on_beat`` is called, and ``on_dead`` for each worker that is found dead.
        """
        while True:
            if await self._note(lambda uow: uow.workers.beat(self.instance)):
                await _attempt("on_beat", on_beat())
                for dead in await self.list_dead():
                    await _attempt("take_over", on_dead(dead))
            await asyncio.sleep(BEAT.total_seconds())

    async def list_dead(self) -> list[WorkerRecord]:
        """Return dead workers whose activities nobody took over."""
        try:
            others = await self._database.run_autocommit(lambda uow: uow.workers.list_unended())
        except (DBAPIError, PoolTimeout, OSError):
            return []
        return [other for other in others if other.instance != self.instance and self._is_dead(other)]

    async def is_gone(self, instance: str, since: datetime) -> bool:
        """Return whether the worker is dead and left no answer.

        It opened a call at ``since`` (UTC). A worker of this machine left it in our folder, which was read. On another
        machine there is none if the database answered all the time since the call was opened; else somebody may still
        start a worker there.
        """
        found = await self._database.run_autocommit(lambda uow: uow.workers.find(instance))
        if found is None:
            return datetime.now(since.tzinfo) - since > UNREGISTERED
        if not self._is_dead(found):
            return False
        if found.host == self.worker.host or found.said_goodbye_at:
            return True
        return (found.read_at - since).total_seconds() < self._answered_for() or (
            found.read_at - found.last_seen_at > SPOOL_PATIENCE
        )

    def _is_dead(self, other: WorkerRecord) -> bool:
        if other.said_goodbye_at or other.taken_over_at:
            return True
        if other.host == self.worker.host:
            return process.has_ended(other.pid, other.process_started_at)
        has_expired = other.read_at - other.last_seen_at > self._lease
        return has_expired and self._answered_for() > self._lease.total_seconds()

    def _answered_for(self) -> float:
        """Return for how many seconds the database has answered every beat."""
        return 0.0 if self._answering_since is None else time.monotonic() - self._answering_since

    async def _note(self, statement: Callable[[UnitOfWork], Awaitable[None]]) -> bool:
        """Return whether the database took the statement."""
        try:
            await self._database.run_autocommit(statement)
        except (DBAPIError, PoolTimeout, OSError) as error:
            self._answering_since = None
            log.warning("worker_not_seen", error=type(error).__name__)
            return False
        if self._answering_since is None:
            self._answering_since = time.monotonic()
        return True


async def _attempt(what: str, doing: Awaitable[object]) -> None:
    """Await it, and log why it failed.

    A worker lives on without it, and the next beat tries again.
    """
    try:
        await doing
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("beat_failed", what=what, error=f"{type(error).__name__}: {error}")
