"""Where trials take place.

One installation with its worker processes; the sites are the trial's own.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bench import workload
from bench.installation import Installation, Worker, installation, postmaster
from bench.model_server import ModelServer
from src.bootstrap import open_local_postgres
from src.domain.colour import BLUE, COLOURS, Colour
from src.domain.ids import BatchId
from src.domain.longtail import Longtail
from src.domain.site import ModelChoice
from src.domain.stages import Stage

from .plan import Plan

T = TypeVar("T")

SLOTS = 4  # model calls of a worker
_READY_SECONDS = 90.0
_POLL_SECONDS = 0.1
_PHRASES_APART = 20  # sites have different keywords, since the model server counts by keyword


class Workers:
    """The living worker processes, and which were killed.

    ``colours`` has that of each.
    """

    def __init__(self, start: Callable[[Colour], Worker], colours: Sequence[Colour]) -> None:
        self._start = start
        self.colours = colours
        self.living: list[Worker] = []
        self._leaving: list[Worker] = []
        self.killed: dict[int, float] = {}  # when each was, by process id

    def fill(self) -> None:
        """Start workers until there are enough."""
        self.living = [worker for worker in self.living if worker.is_running]
        missing = Counter(self.colours) - Counter(worker.colour for worker in self.living)
        self.living += [self._start(colour) for colour in missing.elements()]

    def kill(self, worker: Worker) -> None:
        """End it as a crash would."""
        self.killed[worker.pid] = time.monotonic()
        worker.kill()
        self._forget(worker)

    def drain(self, worker: Worker) -> None:
        """Ask it to end after its calls."""
        worker.drain()
        self._forget(worker)
        self._leaving.append(worker)

    async def stop(self) -> None:
        """End all, after their calls."""
        everyone = [*self.living, *self._leaving]
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in everyone))

    def is_leaving(self) -> bool:
        """Return whether a drained worker still runs."""
        self._leaving = [worker for worker in self._leaving if worker.is_running]
        return bool(self._leaving)

    def _forget(self, worker: Worker) -> None:
        self.living = [other for other in self.living if other is not worker]


@dataclass(frozen=True, kw_only=True)
class Testbed:
    """What all trials share."""

    __test__ = False  # pytest takes what begins with "Test" for tests

    installed: Installation
    models: ModelServer
    workers: Workers

    async def start_postgres(self) -> None:
        """Start PostgreSQL, unless it runs."""
        await asyncio.to_thread(self._start_postgres)

    def _start_postgres(self) -> None:
        with open_local_postgres(self.installed.folder / "home"):
            return  # the installation uses it on

    async def postgres_pids(self) -> list[int]:
        """Return its processes, the postmaster first."""
        pid = await patiently(lambda: postmaster(self.installed.database))
        with suppress(psutil.NoSuchProcess):
            return [pid, *(child.pid for child in psutil.Process(pid).children())]
        return []

    async def ready(self) -> None:
        """Wait until enough workers are registered, and no other is leaving."""
        self.workers.fill()
        deadline = time.monotonic() + _READY_SECONDS
        wanted = len(self.workers.colours)
        while self.workers.is_leaving() or await self._registered() < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {wanted} workers after {_READY_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)
            self.workers.fill()

    async def _registered(self) -> int:
        pids = [worker.pid for worker in self.workers.living]
        statement = text("SELECT count(DISTINCT pid) FROM workers WHERE pid = ANY(:pids) AND said_goodbye_at IS NULL")

        async def count() -> int:
            async with self.installed.database.engine.connect() as connection:
                return int(await connection.scalar(statement, {"pids": pids}) or 0)

        return await patiently(count)


@asynccontextmanager
async def open_testbed(*, compiled: Path | None = None, colours: bool = False) -> AsyncIterator[Testbed]:
    """Set up the installation, with its two workers started.

    With ``colours`` they are of one each.
    """
    with ModelServer() as models:
        async with installation(compiled=compiled) as installed:
            workers = Workers(
                lambda colour: installed.worker(model_url=models.url, slots=SLOTS, colour=colour),
                COLOURS if colours else (BLUE, BLUE),
            )
            workers.fill()
            try:
                yield Testbed(installed=installed, models=models, workers=workers)
            finally:
                await workers.stop()


@dataclass(kw_only=True)
class Sites:
    """The sites of one trial, and what people did to them.

    Attributes:
        cancelled: batches that somebody cancelled.
        terminated: workflows that somebody terminated.
        requeued: how often a written keyword was made ready again.
    """

    plan: Plan
    slugs: list[str]
    slots: dict[str, int] = field(default_factory=dict)  # the newest of each site, counted from 0
    cancelled: set[BatchId] = field(default_factory=set)
    terminated: set[str] = field(default_factory=set)
    requeued: dict[str, int] = field(default_factory=dict)

    def slot(self, slug: str) -> datetime:
        """Return the site's newest slot."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.slots.get(slug, 0))

    def keywords(self, slug: str) -> list[str]:
        """Return the site's keywords."""
        place = self.slugs.index(slug)
        return workload.keywords(self.plan.keywords[place], first=place * _PHRASES_APART)

    async def open(self, testbed: Testbed, slug: str, *, force: bool = False) -> None:
        """Start the batch of the site's newest slot."""
        limit = self.plan.limits[self.slugs.index(slug)]
        colour = None if self.plan.colours else BLUE
        await testbed.installed.batches.start(slug, slot=self.slot(slug), limit=limit, colour=colour, force=force)

    async def open_next(self, testbed: Testbed, slug: str) -> None:
        """Start the batch of the next slot."""
        self.slots[slug] = self.slots.get(slug, 0) + 1
        await self.open(testbed, slug)


async def add_sites(plan: Plan, testbed: Testbed) -> Sites:
    """Add the trial's sites with their keywords.

    Its models have names of their own, so that no trial begins with what another learned of a limit.
    """
    sites = Sites(plan=plan, slugs=[f"chaos-{plan.seed}-{place}" for place in range(len(plan.keywords))])
    models = {
        stage: ModelChoice(provider="openai", model=f"stage-{stage.value.lower()}-{plan.seed}") for stage in Stage
    }
    for slug in sites.slugs:
        longtails = [Longtail(phrase=phrase) for phrase in sites.keywords(slug)]
        async with testbed.installed.database.unit_of_work() as uow:
            await uow.sites.upsert(workload.site().model_copy(update={"slug": slug, "models": models}))
            await uow.longtails.add(slug, longtails, source="chaos")
    return sites


async def patiently(reading: Callable[[], Awaitable[T]]) -> T:
    """Return what is read, as soon as the database answers."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            return await reading()
        except (DBAPIError, PoolTimeout, OSError):
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_POLL_SECONDS)


def send(signal_number: signal.Signals, *pids: int) -> None:
    """Send the signal to those processes that are there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal_number)
