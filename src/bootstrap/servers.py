"""Servers and the database that a process uses.

Those that the environment names, else those on this machine, started if need be.

They stay up as long as the block that opened them, or as any other process still uses them. Starting a server blocks.
Who shows a spinner meanwhile opens ``open_servers`` first and hands the result to ``open_database`` or
``open_application``; without it these start the servers in a thread.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from src.domain.errors import EngineUnavailable, SettingProblem, SettingsInvalid
from src.domain.principal import Principal
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine, normalise_url, without_pooler
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded import binaries, port
from src.infrastructure.embedded.postgres import postgres
from src.infrastructure.embedded.temporal import TemporalServer, temporal
from src.settings import Settings

if TYPE_CHECKING:
    pass


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


def postgres_programs() -> Path:
    """Return the folder of pg_dump and pg_restore.

    A client's are enough. Raises EngineUnavailable where there are none.
    """
    try:
        return binaries.choose(major=None).folder
    except EngineUnavailable:
        if found := shutil.which("pg_dump"):  # an image with PostgreSQL's client
            return Path(found).parent
        raise


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
    async with started(settings, servers, with_temporal=False) as used:
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
async def started(settings: Settings, servers: Servers | None, *, with_temporal: bool) -> AsyncIterator[Servers]:
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
