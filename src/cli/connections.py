"""Runs a command's work with the database, or with Temporal too."""

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from typing import TypeVar

from src.application.people import identify
from src.bootstrap import (
    Application,
    Process,
    Servers,
    open_application,
    open_database,
    open_servers,
    open_telemetry,
)
from src.domain.principal import Principal
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.model_choice import list_names
from src.infrastructure.telemetry import logging
from src.settings import LogLevel, Settings

from .named import NAMED
from .terminal import busy

T = TypeVar("T")


def with_person(
    work: Callable[[Database, Principal], Awaitable[T]], settings: Settings | None = None, *, check: bool = True
) -> T:
    """Run ``work`` with the database and the person at the keyboard.

    An embedded database is started if need be. With ``check=False`` it may be at any revision.

    Raises NotFound when there are users and this is none of them, and Conflict when he is disabled.
    """
    settings = settings or start(Settings.load())

    async def run(servers: Servers) -> T:
        async with open_database(settings, servers, check=check, by=_owner()) as database:
            return await work(database, await _identify(database))

    return _with_servers(run, settings, with_temporal=False)


def with_application(work: Callable[[Application], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run ``work`` with the database and Temporal.

    It is the work of the person at the keyboard. Embedded ones are started if need be. Raises as ``with_person`` does.
    """
    settings = settings or start(Settings.load())

    async def run(servers: Servers) -> T:
        async with open_application(settings, servers, principal=_owner()) as application:
            return await work(application.acting_as(await _identify(application.database)))

    return _with_servers(run, settings, with_temporal=True)


def stay(work: Callable[[Application], Awaitable[T]], settings: Settings, process: Process) -> T:
    """Run the work of a process that stays.

    Its instance is who acts, for Temporal and the audit trail. It serves metrics and sends traces if the settings say
    so.
    """
    principal = Principal.worker(process.instance, address=whoami())

    async def run(servers: Servers) -> T:
        async with (
            open_telemetry(settings, process) as telemetry,
            open_application(
                settings, servers, principal=principal, identity=process.instance, telemetry=telemetry
            ) as application,
        ):
            return await work(application)

    return _with_servers(run, settings, with_temporal=True)


def as_owner(work: Callable[[Application], Awaitable[T]], servers: Servers, settings: Settings) -> T:
    """Run ``work`` on open servers, as the machine's owner.

    It is for what may be done while there are no users.
    """

    async def run() -> T:
        async with open_application(settings, servers, principal=_owner()) as application:
            return await work(application)

    return asyncio.run(run())


def names_models(site: Site) -> set[str]:
    """Return the names of the site's models, as this process resolves them."""
    return list_names(Settings.load(), site)


def start(settings: Settings, *, log_level: LogLevel = "WARNING") -> Settings:
    """Set up logging for the whole process.

    ``log_level`` counts unless the settings name one.
    """
    logging.configure(level=settings.log_level or log_level, as_json=settings.log_json)
    return settings


def _with_servers(run: Callable[[Servers], Coroutine[None, None, T]], settings: Settings, *, with_temporal: bool) -> T:
    with ExitStack() as stack:
        with busy("starting PostgreSQL and Temporal" if with_temporal else "starting PostgreSQL"):
            servers = stack.enter_context(open_servers(settings, with_temporal=with_temporal))
        return asyncio.run(run(servers))


async def _identify(database: Database) -> Principal:
    return await identify(database, name=NAMED.get(), os_user=os_user_here(), address=whoami())


def _owner() -> Principal:
    return Principal.owner(whoami(), address=whoami())


def whoami() -> str:
    """Return ``name@host`` of the operating system's user.

    It is the bare host where the user has no name.
    """
    user = os_user_here()
    return f"{user}@{socket.gethostname()}" if user else socket.gethostname()


def os_user_here() -> str | None:
    """Return the operating system's user; None: he has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numeric user of a container
        return None
