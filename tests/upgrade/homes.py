"""Homes of earlier versions, restored on the servers of the tests."""

import lzma
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text

from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from tests.conftest import named

_FOLDER = Path(__file__).parent
HOMES = sorted([*_FOLDER.glob("*.sql"), *_FOLDER.glob("*/database.sql.xz")])
BEFORE_COLOURS = _FOLDER / "60af531"  # it has states of its own
HOMES_WITH_TEMPORAL = sorted({file.parent for file in _FOLDER.glob("*/temporal.db.xz")} - {BEFORE_COLOURS})


def name_of(home: Path) -> str:
    """Return a home's name, for the ids of tests."""
    return home.parent.name if home.suffix == ".xz" else home.name


@asynccontextmanager
async def restored(dump: Path, migrated: Database, database_url: str) -> AsyncIterator[Database]:
    """Yield the home's database, not migrated, on the server that has the other two."""
    name = f"upgrade_{secrets.token_hex(4)}"
    admin = migrated.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    restoring = create_engine(named(database_url, name), pool_size=1)
    async with restoring.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(_read(dump).decode())
    await restoring.dispose()  # the dump changes settings of its connection
    database = Database(create_engine(named(database_url, name), pool_size=8))
    try:
        yield database
    finally:
        await database.close()
        async with admin.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def restore_temporal(file: Path, home: Path) -> None:
    """Put Temporal's file where the embedded server of ``home`` looks for it."""
    folder = home / "temporal"
    folder.mkdir(mode=0o700)
    (folder / "temporal.db").write_bytes(_read(file))


def _read(file: Path) -> bytes:
    data = file.read_bytes()
    return lzma.decompress(data) if file.suffix == ".xz" else data
