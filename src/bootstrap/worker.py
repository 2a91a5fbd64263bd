"""A worker's process: registered, polling one colour, and leaving nothing paid behind.

What needs Temporal's library or a vendor's is imported where it is used, as in ``application``.
"""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.domain.colour import Colour
from src.domain.errors import AnswersNotStored
from src.domain.scheduling.slot_evidence import WATCHDOG_INTERVAL
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client
    from temporalio.worker import Worker

    from src.infrastructure.llm.call_owner import CallOwner
    from src.infrastructure.llm.limits import Limits
    from src.infrastructure.llm.providers import Providers
    from src.infrastructure.llm.spool import Spool
    from src.infrastructure.workers.registration import Registration
from .application import Application
from .code import describe_code

log = structlog.get_logger()

_FLUSH_SECONDS = 4.0  # at the end of a worker: less than it has once it left calls undone


def worker_identity(colour: Colour) -> str:
    """Return a name that is unique to this worker process."""
    return f"{colour}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def register_worker(application: Application, *, colour: Colour) -> "Registration":
    """Return the registration of this process; nothing is stored yet."""
    from src.infrastructure.workers.registration import Registration  # noqa: PLC0415 - for workers alone

    settings = application.settings
    return Registration(
        application.database,
        instance=application.who,
        colour=colour,
        code=describe_code(settings),
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
        application.database.seeing_probes(),
        providers,
        schedules=application.schedules,
        watchdog=application.watchdog(is_gone=owner.is_gone),
        reviews=application.review_steps,
        publications=PublicationRuns(application.database, application.targets),
        settings=application.settings,
        colour=colour,
        owner=owner,
        strict=strict,
    )


def build_watch_worker(
    application: Application, *, client: "Client | None" = None, owner: "CallOwner", strict: bool = False
) -> "Worker":
    """Return the worker of what belongs to no colour; otherwise as ``build_worker``."""
    from src.infrastructure.temporal import worker  # noqa: PLC0415 - see above

    return worker.create_watch(
        client or application.client,
        schedules=application.schedules,
        watchdog=application.watchdog(is_gone=owner.is_gone),
        settings=application.settings,
        owner=owner,
        strict=strict,
    )


def own_calls(
    application: Application, registration: "Registration", limits: "Limits", *, stopping: asyncio.Event | None = None
) -> "CallOwner":
    """Return the owner of this process's model calls."""
    from src.infrastructure.llm.call_owner import CallOwner  # noqa: PLC0415 - see above

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
        telemetry=application.telemetry.work,
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
    _show_limits(application, limits)
    async with Providers(settings) as providers, registered(application, registration, owner):
        log.info(
            "worker_started",
            colour=colour,
            instance=application.who,
            model_slots=settings.model_slots,
            grace_seconds=worker_grace(settings).total_seconds(),
        )
        await watchdog_schedule.ensure(application.client, every=settings.scaled(WATCHDOG_INTERVAL))
        polls = asyncio.Event()
        polling = Polling(
            lambda: connect(
                application.server.address,
                identity=application.who,
                is_patient=True,
                runtime=application.telemetry.runtime,
                interceptors=application.telemetry.interceptors,
                keys=settings.payload_keys,
            ),
            lambda client: (
                build_worker(application, providers, colour=colour, client=client, owner=owner),
                build_watch_worker(application, client=client, owner=owner),
            ),
            grace=worker_grace(settings),
            stopping=stopping,
        )
        async with _showing_life(registration, settings, polls=polls, stopping=stopping):
            await polling.run(lifeline=lifeline, on_polling=polls.set, on_draining=registration.start_draining)
        await _empty_spool(application.database, owner.spool)


def _show_limits(application: Application, limits: "Limits") -> None:
    """Let metrics show the limits of providers, where they are served."""
    metrics = application.telemetry.work.metrics
    if metrics is None:
        return
    from src.infrastructure.llm.limit_metrics import LimitMetrics  # noqa: PLC0415 - see above

    metrics.registry.register(LimitMetrics(limits, metrics.model))


@asynccontextmanager
async def _showing_life(
    registration: "Registration", settings: Settings, *, polls: asyncio.Event, stopping: asyncio.Event
) -> AsyncIterator[None]:
    """Write what probes read until the block ends."""
    from src.infrastructure.workers.sign_of_life import BEAT, PATIENCE, SignOfLife, keep_writing  # noqa: PLC0415

    worker = registration.worker

    def look() -> SignOfLife:
        return SignOfLife(
            instance=worker.instance,
            colour=worker.colour,
            pid=worker.pid,
            process_started_at=worker.process_started_at,
            polls=polls.is_set(),
            is_draining=stopping.is_set(),
            database_answers=registration.database_answers,
            patience=settings.scaled(PATIENCE).total_seconds(),
            beaten_at=time.monotonic(),
        )

    writing = asyncio.create_task(keep_writing(settings.home, look, every=settings.scaled(BEAT)))
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.wait({writing})


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
        await owner.close_unsent(application.database)
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
