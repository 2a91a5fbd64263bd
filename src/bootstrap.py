"""The composition root: opens servers, database and Temporal.

Builds use cases and workers.

The servers are those that the environment names, else those on this machine, started if need be. They stay up as long
as the block that opened them, or as any other process still uses them. The command line, the API, the benchmark and
the tests open everything here.

Starting a server blocks. Who shows a spinner meanwhile opens ``open_servers`` first and hands the result to
``open_database`` or ``open_application``; without it these start the servers in a thread.

Temporal's library takes half a second to import, which commands that need only the database do not pay: it is imported
where Temporal is opened.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.application.articles import Articles
from src.application.backfills import Backfills
from src.application.batches import Batches
from src.application.decisions import Decisions
from src.application.forecasts import Forecasts
from src.application.gaps import GapReport
from src.application.holds import Holds
from src.application.publication_watch import PATIENCE as PUBLICATION_PATIENCE
from src.application.publication_watch import PublicationWatch
from src.application.review_steps import ReviewSteps
from src.application.review_watch import PATIENCE as REVIEW_PATIENCE
from src.application.review_watch import ReviewWatch
from src.application.reviews import Reviews
from src.application.schedule_drift import ScheduleDrift
from src.application.schedules import Schedules
from src.application.slot_watch import SlotWatch
from src.application.unfinished_watch import IsGone, UnfinishedWatch
from src.application.watchdog import Watchdog
from src.domain.alert import PATIENCE, SHORTEST_OVERDUE
from src.domain.colour import BLUE, Colour
from src.domain.errors import AnswersNotStored, EngineUnavailable, SettingProblem, SettingsInvalid
from src.domain.principal import Authentication, Principal
from src.domain.publishing import Target, TargetName
from src.domain.scheduling.slot_evidence import GRACE, WATCHDOG_INTERVAL
from src.domain.site import Site
from src.infrastructure.authentication.tokens import TokenAuthentication
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine, normalise_url, without_pooler
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded import port
from src.infrastructure.embedded.postgres import postgres
from src.infrastructure.embedded.temporal import TemporalServer, temporal
from src.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.worker import Worker

    from src.application.publishing import Publishing
    from src.application.revisions import Revisions
    from src.infrastructure.llm.ledger import CallOwner
    from src.infrastructure.llm.limits import Limits
    from src.infrastructure.llm.providers import Providers
    from src.infrastructure.llm.spool import Spool
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway
    from src.infrastructure.workers.registration import Registration

log = structlog.get_logger()

_FLUSH_SECONDS = 4.0  # at the end of a worker: less than it has once it left calls undone


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Servers that answer.

    Attributes:
        database_url: for SQLAlchemy.
        is_database_local: whether it is the embedded one, which is migrated without being asked.
        temporal: None where only the database was opened.
    """

    database_url: str
    is_database_local: bool
    temporal: TemporalServer | None = None


@contextmanager
def open_servers(settings: Settings, *, with_temporal: bool = True, ui: bool = True) -> Iterator[Servers]:
    """Yield the servers that the environment names.

    Start embedded ones for the others.

    Raises EngineUnavailable, InputInvalid for a DATABASE_URL and SettingsInvalid for a configuration of Temporal that
    cannot be used.
    """
    with ExitStack() as stack:
        url = settings.database_url
        address = _configured_address() if with_temporal else None
        yield Servers(
            database_url=normalise_url(url.get_secret_value())
            if url
            else stack.enter_context(open_local_postgres(settings.home)),
            is_database_local=url is None,
            temporal=_open_temporal(stack, settings.home, address, ui=ui) if with_temporal else None,
        )


@contextmanager
def open_local_servers(home: Path, *, durable: bool = True, ui: bool = False) -> Iterator[Servers]:
    """Yield embedded servers with their data below ``home``, whatever the environment names.

    ``durable=False`` is faster, and may lose what was written once the server has stopped. Raises EngineUnavailable.
    """
    with open_local_postgres(home, durable=durable) as url, open_local_temporal(home, ui=ui) as server:
        yield Servers(database_url=url, is_database_local=True, temporal=server)


@contextmanager
def open_local_postgres(home: Path, *, durable: bool = True) -> Iterator[str]:
    """Yield the SQLAlchemy URL of an embedded PostgreSQL; see ``open_local_servers``."""
    with postgres(home, durable=durable) as url:
        yield without_pooler(url)


@contextmanager
def open_local_temporal(home: Path, *, ui: bool = False) -> Iterator[TemporalServer]:
    """Yield an embedded Temporal; see ``open_local_servers``."""
    with temporal(home, ui=ui) as server:
        yield server


def choose_port(usual: int) -> int:
    """Return the usual port, or a free one if it is taken."""
    return port.choose(usual=usual)


def _open_temporal(stack: ExitStack, home: Path, address: str | None, *, ui: bool) -> TemporalServer:
    return TemporalServer(address) if address else stack.enter_context(temporal(home, ui=ui))


def _configured_address() -> str | None:
    """Return the address that Temporal's variables and profile name."""
    from temporalio.envconfig import ClientConfigProfile  # noqa: PLC0415 - half a second, for Temporal's users alone

    try:
        return ClientConfigProfile.load().address or None
    except RuntimeError as error:  # the bridge's only class for a file, profile or value it cannot read
        raise SettingsInvalid(SettingProblem("Temporal's configuration", str(error))) from error


@asynccontextmanager
async def open_database(
    settings: Settings, servers: Servers | None = None, *, check: bool = True, by: Principal | None = None
) -> AsyncIterator[Database]:
    """Yield the database at this version's revision.

    An embedded one is migrated to it, by ``by`` in the audit trail.

    With ``check=False`` it is yielded at any revision, for migrations. Raises EngineUnavailable when it cannot be
    reached, SchemaOutdated when a database that the environment names is at another revision.
    """
    async with _started(settings, servers, with_temporal=False) as used:
        database = Database(create_engine(used.database_url, pool_size=settings.database_pool_size))
        try:
            with _reaching_database():
                if check:
                    await _prepare(database, is_local=used.is_database_local, by=by)
                else:
                    await schema.find_revision(database.engine)
            yield database
        finally:
            await database.close()


async def _prepare(database: Database, *, is_local: bool, by: Principal | None) -> None:
    """Migrate an embedded database; any other is migrated by command only."""
    if not is_local:
        await schema.require_current(database.engine)
    elif not await schema.is_current(database.engine):
        await schema.upgrade(database.engine, by=by)


@contextmanager
def _reaching_database() -> Iterator[None]:
    """Turn a refused connection, password or database name into EngineUnavailable."""
    try:
        yield
    except OSError as error:
        raise EngineUnavailable(f"the database of DATABASE_URL does not answer: {error}") from error
    except DBAPIError as error:
        if error.statement is not None:  # it was reached
            raise
        raise EngineUnavailable(f"the database of DATABASE_URL cannot be used: {error.orig}") from error


@asynccontextmanager
async def _started(settings: Settings, servers: Servers | None, *, with_temporal: bool) -> AsyncIterator[Servers]:
    """Yield ``servers``, else start them in a thread."""
    if servers is not None:
        yield servers
        return
    stack = ExitStack()
    starting = asyncio.ensure_future(
        asyncio.to_thread(stack.enter_context, open_servers(settings, with_temporal=with_temporal))
    )
    try:
        yield await asyncio.shield(starting)
    finally:
        await asyncio.wait({starting})  # a start that is interrupted ends first, so that it can be undone
        await asyncio.to_thread(stack.close)


@dataclass(frozen=True)
class Application:
    """The open database and Temporal, with their use cases.

    Attributes:
        principal: who acts, and within which bounds.
    """

    settings: Settings
    database: Database
    client: "Client"
    server: TemporalServer
    principal: Principal

    @property
    def who(self) -> str:
        """Return who acts, by the name in the audit trail."""
        return self.principal.name

    def acting_as(self, principal: Principal) -> "Application":
        """Return the same, with another who acts: for one request or command."""
        return replace(self, principal=principal)

    @property
    def temporal_ui_url(self) -> str | None:
        """Return the address of Temporal's web UI, None if unknown."""
        return self.server.ui_url

    @property
    def namespace(self) -> str:
        """Return Temporal's namespace."""
        return self.client.namespace

    @property
    def is_local(self) -> bool:
        """Return whether Temporal is embedded.

        Its workers then share this machine's settings.
        """
        return self.server.pid is not None

    @cached_property
    def workflows(self) -> "WorkflowGateway":
        """Return the workflows of batches and articles, as Temporal knows them."""
        from src.infrastructure.temporal.workflow_gateway import WorkflowGateway  # noqa: PLC0415 - see above

        return WorkflowGateway(self.client)

    @cached_property
    def batches(self) -> Batches:
        """Return the use cases of batches."""
        # Only workers on this machine are known to have our settings.
        check_models = self._check_models if self.is_local else None
        return Batches(self.database, self.workflows, by=self.principal, check_models=check_models)

    @cached_property
    def articles(self) -> Articles:
        """Return the use cases of articles."""
        return Articles(self.database, self.workflows, by=self.principal)

    @cached_property
    def revisions(self) -> "Revisions":
        """Return the use cases of texts."""
        from src.application.revisions import Revisions  # noqa: PLC0415 - rules and renderers, for editors alone

        return Revisions(self.database, by=self.principal)

    @cached_property
    def publishing(self) -> "Publishing":
        """Return the use cases of publications."""
        from src.application.publishing import Publishing  # noqa: PLC0415 - rules and renderers, for publishers alone

        return Publishing(self.database, self.workflows, self.targets, by=self.principal)

    def targets(self, site: str, target: TargetName) -> Target:
        """Return the target of the site: where its pages go."""
        from src.infrastructure.publishing.folder import FolderTarget  # noqa: PLC0415 - likewise

        assert target is TargetName.FOLDER  # noqa: S101 - there is no other
        return FolderTarget(self.settings.publish_folder or self.settings.home / "published", site)

    @cached_property
    def holds(self) -> Holds:
        """Return the use cases of holds."""
        return Holds(self.database, self.workflows, by=self.principal)

    @cached_property
    def authentication(self) -> Authentication:
        """Return what finds out who a token belongs to."""
        return TokenAuthentication(self.database)

    async def _check_models(self, site: Site) -> None:
        from src.infrastructure.llm.providers import Providers  # noqa: PLC0415 - the libraries of the model providers

        async with Providers(self.settings) as providers:
            await providers.check(site)

    @cached_property
    def schedules(self) -> Schedules:
        """Return the use cases of schedules."""
        return Schedules(self.database, self._schedule_gateway, self._schedule_times, by=self.principal)

    @cached_property
    def schedule_drift(self) -> ScheduleDrift:
        """Return the comparison of Temporal's schedules with the desired ones."""
        return ScheduleDrift(self.database, self._schedule_gateway, self.schedules)

    @cached_property
    def backfills(self) -> Backfills:
        """Return the use cases of backfills."""
        return Backfills(self.database, self._schedule_gateway, self._schedule_times, self.workflows, by=self.principal)

    @cached_property
    def forecasts(self) -> Forecasts:
        """Return the forecasts of schedules."""
        return Forecasts(self.database, self._schedule_times)

    @cached_property
    def gaps(self) -> GapReport:
        """Return the report of slots."""
        from src.infrastructure.temporal.run_history import RunHistory  # noqa: PLC0415 - see above

        return GapReport(
            self.database,
            self._schedule_gateway,
            self._schedule_times,
            RunHistory(self.client),
            every=self.settings.scaled(WATCHDOG_INTERVAL),
            grace=self.settings.scaled(GRACE),
        )

    @cached_property
    def reviews(self) -> Reviews:
        """Return the use cases of reviews that decide nothing."""
        return Reviews(self.database, by=self.principal)

    @cached_property
    def decisions(self) -> Decisions:
        """Return the use cases that decide about texts."""
        return Decisions(self.database, self.workflows, by=self.principal)

    @property
    def review_steps(self) -> ReviewSteps:
        """Return the steps of reviews that the worker takes."""
        from src.infrastructure.temporal.policies import REVIEW_HISTORY  # noqa: PLC0415 - see above

        return ReviewSteps(self.database, by=self.principal, longest_history=REVIEW_HISTORY)

    def watchdog(self, *, is_gone: IsGone, colour: Colour = BLUE) -> Watchdog:
        """Return the check of all sites that the worker of ``colour`` runs.

        ``is_gone`` is that worker's proof that another is dead.
        """
        reviews = ReviewWatch(
            self.database, self.workflows, colour=colour, patience=self.settings.scaled(REVIEW_PATIENCE)
        )
        unfinished = UnfinishedWatch(
            self.database,
            self.workflows,
            is_gone=is_gone,
            overdue_factor=self.settings.overdue_factor,
            patience=self.settings.scaled(PATIENCE),
            shortest_overdue=self.settings.scaled(SHORTEST_OVERDUE),
        )
        slots = SlotWatch(self.database, self._schedule_gateway, self._schedule_times, self.gaps)
        publications = PublicationWatch(
            self.database, self.workflows, colour=colour, patience=self.settings.scaled(PUBLICATION_PATIENCE)
        )
        return Watchdog(self.database, slots, unfinished, reviews, publications)

    @cached_property
    def _schedule_gateway(self) -> "ScheduleGateway":
        from src.infrastructure.temporal.schedule_gateway import ScheduleGateway  # noqa: PLC0415 - see above

        return ScheduleGateway(self.client)

    @cached_property
    def _schedule_times(self) -> "ScheduleTimes":
        from src.infrastructure.temporal.schedule_times import ScheduleTimes  # noqa: PLC0415 - see above

        return ScheduleTimes(self.client)


@asynccontextmanager
async def open_application(
    settings: Settings, servers: Servers | None = None, *, principal: Principal, identity: str | None = None
) -> AsyncIterator[Application]:
    """Yield the use cases of ``principal`` on an open database and Temporal.

    ``identity`` is what Temporal shows of this client; by default its process and host. Raises as ``open_database``
    does, and EngineUnavailable when Temporal cannot be used.
    """
    from src.infrastructure.temporal.client import connect  # noqa: PLC0415 - see above

    async with (
        _started(settings, servers, with_temporal=True) as used,
        open_database(settings, used, by=principal) as database,
    ):
        assert used.temporal is not None  # noqa: S101 - it was asked for
        client = await connect(used.temporal.address, identity=identity)
        yield Application(settings, database, client, used.temporal, principal)


def worker_identity(colour: Colour) -> str:
    """Return a name that is unique to this worker process."""
    return f"{colour}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def register_worker(application: Application, *, colour: Colour) -> "Registration":
    """Return the registration of this process; nothing is stored yet."""
    from src.infrastructure.workers.code_version import code_version  # noqa: PLC0415 - for workers alone
    from src.infrastructure.workers.registration import Registration  # noqa: PLC0415

    settings = application.settings
    return Registration(
        application.database,
        instance=application.who,
        colour=colour,
        code_version=code_version(settings.commit),
        slots=settings.model_slots,
    )


def build_worker(
    application: Application,
    providers: "Providers",
    *,
    colour: Colour,
    client: "Client | None" = None,
    owner: "CallOwner | None" = None,
    strict: bool = False,
) -> "Worker":
    """Return a worker of ``colour`` that acts as the application's principal.

    Nothing is polled before it runs; then through ``client``, else through the application's. Without ``owner`` no
    other worker takes over from it, and it does not hear what others learn of providers. ``strict`` runs workflows in
    the sandbox, as tests do.
    """
    from src.application.publication_runs import PublicationRuns  # noqa: PLC0415 - for workers alone
    from src.infrastructure.temporal import worker  # noqa: PLC0415 - see above

    owner = owner or own_calls(application, register_worker(application, colour=colour), open_limits(application))
    return worker.create(
        client or application.client,
        application.database,
        providers,
        schedules=application.schedules,
        watchdog=application.watchdog(is_gone=owner.is_gone, colour=colour),
        reviews=application.review_steps,
        publications=PublicationRuns(application.database, application.targets),
        settings=application.settings,
        colour=colour,
        owner=owner,
        strict=strict,
    )


def own_calls(
    application: Application, registration: "Registration", limits: "Limits", *, stopping: asyncio.Event | None = None
) -> "CallOwner":
    """Return the owner of this process's model calls."""
    from src.infrastructure.llm.ledger import CallOwner  # noqa: PLC0415 - see above

    registered = registration.worker
    return CallOwner(
        instance=registered.instance,
        colour=registered.colour,
        code_version=registered.code_version,
        is_gone=registration.is_gone,
        spool=open_spool(application.settings),
        limits=limits,
        stopping=stopping,
        slots=asyncio.Semaphore(application.settings.model_slots),
    )


def open_spool(settings: Settings) -> "Spool":
    """Return the files in which answers wait for the database."""
    from src.infrastructure.llm.spool import Spool  # noqa: PLC0415 - see above

    return Spool(settings.home / "spool")


def open_limits(application: Application) -> "Limits":
    """Return this process's view of the limits of providers."""
    from src.infrastructure.llm.limits import TURN_PATIENCE, Limits  # noqa: PLC0415 - see above

    settings = application.settings
    return Limits(application.database, slots=settings.model_slots, patience=settings.scaled(TURN_PATIENCE))


def worker_grace(settings: Settings) -> timedelta:
    """Return how long a worker lets its model calls finish on SIGTERM."""
    from src.infrastructure.llm.time_limits import shutdown_grace  # noqa: PLC0415 - see above

    return shutdown_grace(settings)


async def run_worker(application: Application, *, colour: Colour, lifeline: int | None = None) -> None:
    """Run a worker of ``colour`` until it is stopped.

    That is SIGTERM, SIGINT or the end of the file descriptor ``lifeline``.

    Raises what ended the worker, when it can no longer poll, and AnswersNotStored when paid answers are left in files.
    """
    from src.infrastructure.llm.providers import Providers  # noqa: PLC0415 - the libraries of the model providers
    from src.infrastructure.temporal import watchdog_schedule  # noqa: PLC0415 - see above
    from src.infrastructure.temporal.client import connect  # noqa: PLC0415 - see above
    from src.infrastructure.temporal.polling import Polling  # noqa: PLC0415 - see above

    settings, stopping = application.settings, asyncio.Event()
    registration = register_worker(application, colour=colour)
    limits = open_limits(application)
    owner = own_calls(application, registration, limits, stopping=stopping)
    async with Providers(settings) as providers, registered(application, registration, owner):
        log.info(
            "worker_started",
            colour=colour,
            instance=application.who,
            model_slots=settings.model_slots,
            grace_seconds=worker_grace(settings).total_seconds(),
        )
        await watchdog_schedule.ensure(application.client, colour=colour, every=settings.scaled(WATCHDOG_INTERVAL))
        polling = Polling(
            lambda: connect(application.server.address, identity=application.who, is_patient=True),
            lambda client: build_worker(application, providers, colour=colour, client=client, owner=owner),
            grace=worker_grace(settings),
            stopping=stopping,
        )
        await polling.run(lifeline=lifeline, on_draining=registration.start_draining)
        await _empty_spool(application.database, owner.spool)


@asynccontextmanager
async def registered(application: Application, registration: "Registration", owner: "CallOwner") -> AsyncIterator[None]:
    """Keep the worker registered until the block ends.

    It takes over from dead ones, and hears what others learn of providers. Answers that earlier
    workers left in files are stored first.
    """
    from src.infrastructure.temporal.take_over import TakeOver  # noqa: PLC0415 - see above

    spool, limits = owner.spool, owner.limits
    assert limits is not None  # noqa: S101 - a worker has them
    spool.remove_unfinished()
    await spool.flush(application.database)
    await registration.register()
    await limits.refresh()

    async def on_beat() -> None:
        await spool.flush(application.database)
        await limits.refresh()

    take_over = TakeOver(application.client, application.database)
    keeping = asyncio.create_task(registration.keep(on_beat=on_beat, on_dead=take_over.run))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
        if not spool.list_files():
            await registration.say_goodbye()


async def _empty_spool(database: Database, spool: "Spool") -> None:
    """Store what waits in files.

    Raises AnswersNotStored when the database takes none, or when answers are in this process alone.
    """
    cause: Exception | None = None
    try:
        async with asyncio.timeout(_FLUSH_SECONDS):
            await spool.flush(database)
    except (DBAPIError, PoolTimeout, OSError) as error:  # TimeoutError is one of the last
        cause = error
    files, lost = spool.list_files(), spool.in_memory
    for asked in lost:  # logged too: the process may have to end before the error is printed
        log.error("answer_lost", article=str(asked.article), stage=asked.stage.value, because=spool.problem)
    if cause or lost:
        raise AnswersNotStored(
            [str(file) for file in files], lost=[str(each) for each in lost], problem=spool.problem
        ) from cause
