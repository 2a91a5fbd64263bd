"""What a command works with: the database at its right revision, Temporal where it is needed, and the settings."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError

from src.bootstrap import database_url, temporal_server
from src.domain.errors import EngineUnavailable
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.telemetry import logging
from src.settings import LogLevel, Settings

from .terminal import busy

if TYPE_CHECKING:
    from temporalio.client import Client

T = TypeVar("T")


@dataclass(frozen=True)
class Connections:
    """An open database."""

    settings: Settings
    database: Database


@dataclass(frozen=True)
class TemporalConnections(Connections):
    """An open database and a connection to Temporal."""

    server: TemporalServer
    client: "Client"

    @property
    def is_local(self) -> bool:
        """Whether Temporal is the embedded one, so that the worker shares this machine's settings."""
        return self.server.pid is not None


def with_database(work: Callable[[Connections], Awaitable[T]], settings: Settings | None = None) -> T:
    """Run ``work`` with the database alone; an embedded one is started if need be."""
    settings = settings or start(Settings.load())
    with ExitStack() as stack:
        with busy("starting PostgreSQL"):
            url = stack.enter_context(database_url(settings))
        return asyncio.run(_with_database(work, settings, url))


def with_temporal(
    work: Callable[[TemporalConnections], Awaitable[T]],
    settings: Settings | None = None,
    *,
    identity: str | None = None,
) -> T:
    """Run ``work`` with the database and Temporal; embedded ones are started if need be."""
    from src.infrastructure.temporal import client as temporal_client  # noqa: PLC0415 - a second, for Temporal's users

    settings = settings or start(Settings.load())
    with ExitStack() as stack:
        with busy("starting PostgreSQL and Temporal"):
            url = stack.enter_context(database_url(settings))
            server = stack.enter_context(temporal_server(settings))

        async def connected(connections: Connections) -> T:
            client = await temporal_client.connect(server.address, identity=identity)
            return await work(TemporalConnections(connections.settings, connections.database, server, client))

        return asyncio.run(_with_database(connected, settings, url))


def start(settings: Settings, *, log_level: LogLevel = "WARNING") -> Settings:
    """Set up what holds for the whole process. ``log_level`` counts unless the settings name one."""
    logging.configure(level=settings.log_level or log_level, as_json=settings.log_json)
    return settings


async def _with_database(work: Callable[[Connections], Awaitable[T]], settings: Settings, url: str) -> T:
    engine = create_engine(url, pool_size=settings.database_pool_size)
    database = Database(engine)
    try:
        await _prepare(database, embedded=settings.database_url is None)
        return await work(Connections(settings, database))
    finally:
        await database.close()


async def _prepare(database: Database, *, embedded: bool) -> None:
    """An embedded database is ours to migrate; any other is migrated by command only."""
    with reaching_database():
        if not embedded:
            await schema.require_current(database.engine)
        elif not await schema.is_current(database.engine):
            await schema.upgrade(database.engine)


@contextmanager
def reaching_database() -> Iterator[None]:
    """Turn a refused connection, password or database name into EngineUnavailable."""
    try:
        yield
    except OSError as error:
        raise EngineUnavailable(f"the database of DATABASE_URL does not answer: {error}") from error
    except DBAPIError as error:
        if error.statement is not None:  # it was reached
            raise
        raise EngineUnavailable(f"the database of DATABASE_URL cannot be used: {error.orig}") from error
