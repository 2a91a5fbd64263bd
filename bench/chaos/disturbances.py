"""The events of a plan, carried out."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.service import RPCError

from bench.conditions import Bucket, Conditions
from bench.installation import BENCH, Worker
from src.application.keywords import requeue_keywords
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.errors import LongtailError
from src.domain.longtail import LongtailStatus
from src.infrastructure.temporal import ids

from . import deployments
from .plan import Event, Kind
from .testbed import Sites, Testbed, send

_OPERATION_SECONDS = 15.0  # after which a person gives up
_POLL_SECONDS = 0.05
_REFUSALS = (LongtailError, DBAPIError, PoolTimeout, OSError, RPCError, TimeoutError)
_STORM = Bucket(rate=4.0, burst=2)
_CUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Disturbances:
    """Carries out a plan, and notes what was not taken."""

    def __init__(self, testbed: Testbed, sites: Sites) -> None:
        self._testbed = testbed
        self._sites = sites
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.refused: list[str] = []
        self.commands: list[asyncio.Task[None]] = []  # of deployments
        self._acts: dict[Kind, tuple[str, Callable[[Event], Awaitable[None]]]] = {
            Kind.KILL_WORKER: ("workers", self._kill),
            Kind.DRAIN_WORKER: ("workers", self._drain),
            Kind.FREEZE_WORKER: ("workers", self._freeze_worker),
            Kind.FREEZE_TEMPORAL: ("temporal", self._freeze_temporal),
            Kind.FREEZE_POSTGRES: ("postgres", self._freeze_postgres),
            Kind.STOP_POSTGRES: ("postgres", self._stop_postgres),
            Kind.CRASH_POSTGRES: ("postgres", self._crash_postgres),
            Kind.CUT_CONNECTIONS: ("postgres", self._cut),
            Kind.LIMIT: ("models", self._limit),
            Kind.OUTAGE: ("models", self._outage),
            Kind.CANCEL_BATCH: ("people", self._cancel),
            Kind.TERMINATE_BATCH: ("people", self._terminate_batch),
            Kind.TERMINATE_ARTICLE: ("people", self._terminate_article),
            Kind.REQUEUE: ("people", self._requeue),
            Kind.REOPEN: ("people", self._reopen),
            Kind.NEXT_SLOT: ("people", self._next_slot),
            Kind.PROMOTE: ("deployments", self._promote),
            Kind.CANARY: ("deployments", self._promote),
            Kind.DRAIN_COLOUR: ("deployments", self._drain_colour),
            Kind.ROLLBACK: ("deployments", self._roll_back),
        }

    async def run(self) -> None:
        """Carry out every event at its time, from the first call on."""
        while not self._testbed.models.stats().calls:  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(_POLL_SECONDS)
        await asyncio.gather(*(self._at_its_time(event) for event in self._sites.plan.events))

    async def _at_its_time(self, event: Event) -> None:
        await asyncio.sleep(event.at)
        what, act = self._acts[event.kind]
        async with self._locks[what]:  # two events of one server would undo each other
            if what != "people":
                await act(event)
                return
            try:
                async with asyncio.timeout(_OPERATION_SECONDS):
                    await act(event)
            except _REFUSALS as error:
                self.refused.append(f"{event.kind}: {type(error).__name__}")

    # --- workers

    def _worker(self, event: Event) -> Worker:
        living = self._testbed.workers.living
        return living[event.target % len(living)]

    async def _kill(self, event: Event) -> None:
        self._testbed.workers.kill(self._worker(event))
        await self._replace(event)

    async def _drain(self, event: Event) -> None:
        self._testbed.workers.drain(self._worker(event))
        await self._replace(event)

    async def _replace(self, event: Event) -> None:
        await asyncio.sleep(event.seconds / 2)
        self._testbed.workers.fill()

    async def _freeze_worker(self, event: Event) -> None:
        await _frozen(event.seconds, self._worker(event).pid)

    # --- servers

    async def _freeze_temporal(self, event: Event) -> None:
        await _frozen(event.seconds, self._testbed.installed.temporal_pid)

    async def _freeze_postgres(self, event: Event) -> None:
        await _frozen(event.seconds, *await self._testbed.postgres_pids())

    async def _stop_postgres(self, event: Event) -> None:
        await self._away(event, signal.SIGINT)

    async def _crash_postgres(self, event: Event) -> None:
        await self._away(event, signal.SIGQUIT)

    async def _away(self, event: Event, number: signal.Signals) -> None:
        """End PostgreSQL, and start it later.

        A worker that starts meanwhile starts it, too.
        """
        send(number, *(await self._testbed.postgres_pids())[:1])
        await asyncio.sleep(event.seconds)
        await self._testbed.start_postgres()

    async def _cut(self, event: Event) -> None:  # noqa: ARG002 - as all of them
        try:
            async with self._testbed.installed.database.engine.connect() as connection:
                await connection.execute(_CUT)
        except (DBAPIError, PoolTimeout, OSError) as error:
            self.refused.append(f"{Kind.CUT_CONNECTIONS}: {type(error).__name__}")

    # --- the provider

    async def _limit(self, event: Event) -> None:
        await self._weather(event, Conditions(bucket=_STORM))

    async def _outage(self, event: Event) -> None:
        await self._weather(event, Conditions(outage=True))

    async def _weather(self, event: Event, conditions: Conditions) -> None:
        self._testbed.models.set_conditions(conditions)
        await asyncio.sleep(event.seconds)
        self._testbed.models.set_conditions(Conditions())

    # --- people

    def _slug(self, event: Event) -> str:
        return self._sites.slugs[event.target % len(self._sites.slugs)]

    async def _cancel(self, event: Event) -> None:
        slug = self._slug(event)
        async with self._testbed.installed.database.unit_of_work() as uow:
            running = await uow.batches.list_running(slug)
        for batch in running[:1]:
            self._sites.cancelled.add(batch.id)  # the request may be taken although its answer is lost
            await self._testbed.installed.batches.cancel(batch.id)

    async def _terminate_batch(self, event: Event) -> None:
        slug = self._slug(event)
        async with self._testbed.installed.database.unit_of_work() as uow:
            batches = await uow.batches.list_all(site=slug, limit=1)
        for batch in batches:
            if batch.status is BatchStatus.RUNNING:
                await self._terminate(batch.workflow_id)

    async def _terminate_article(self, event: Event) -> None:
        slug = self._slug(event)
        async with self._testbed.installed.database.unit_of_work() as uow:
            articles = await uow.articles.list_all(site=slug, status=ArticleStatus.GENERATING)
        if articles:
            await self._terminate(ids.article(articles[event.target % len(articles)].id))

    async def _terminate(self, workflow_id: str) -> None:
        self._sites.terminated.add(workflow_id)
        await self._testbed.installed.client.get_workflow_handle(workflow_id).terminate("chaos")

    async def _requeue(self, event: Event) -> None:
        """Requeue all failed keywords, and one by name.

        That is refused while a batch has claimed it.
        """
        slug = self._slug(event)
        database = self._testbed.installed.database
        keywords = self._sites.keywords(slug)
        keyword = keywords[event.target % len(keywords)]
        await requeue_keywords(database, slug, [], by=BENCH)
        async with database.unit_of_work() as uow:
            written = await uow.longtails.list_for_site(slug, status=LongtailStatus.WRITTEN)
        if keyword in [longtail.phrase for longtail in written]:  # a second article is wanted
            self._sites.requeued[keyword] = self._sites.requeued.get(keyword, 0) + 1
        await requeue_keywords(database, slug, [keyword], by=BENCH)

    # --- deployments

    async def _promote(self, event: Event) -> None:
        words = ("--canary", "50%", "--for", "10s") if event.kind is Kind.CANARY else ()
        await self._deploy(event, "promote", (await deployments.standby(self._testbed)), *words)

    async def _drain_colour(self, event: Event) -> None:
        await self._deploy(event, "drain", await deployments.standby(self._testbed), *_fast(event))

    async def _roll_back(self, event: Event) -> None:
        await self._deploy(event, "rollback", *_fast(event))

    async def _deploy(self, event: Event, *words: str) -> None:
        """Start the command beside those that run; kill every second one."""
        killed_after = 2 * event.seconds if event.target % 2 else None
        running = deployments.run_command(self._testbed, *words, killed_after=killed_after)
        self.commands.append(asyncio.create_task(running))

    # --- batches again

    async def _reopen(self, event: Event) -> None:
        await self._sites.open(self._testbed, self._slug(event), force=True)

    async def _next_slot(self, event: Event) -> None:
        await self._sites.open_next(self._testbed, self._slug(event))


def _fast(event: Event) -> tuple[str, ...]:
    return ("--fast",) if event.target % 4 < 2 else ()


async def _frozen(seconds: float, *pids: int) -> None:
    send(signal.SIGSTOP, *pids)
    try:
        await asyncio.sleep(seconds)
    finally:
        send(signal.SIGCONT, *pids)
