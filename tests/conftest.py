"""The real engines, started once a run, and a database that every test finds empty."""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import Client

from src.domain.colour import Colour
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.postgres import postgres
from src.infrastructure.embedded.temporal import TemporalServer, temporal
from src.infrastructure.temporal import client as temporal_client
from src.settings import Settings


@pytest.fixture(scope="session")
def run_home() -> Iterator[Path]:
    """One LONGTAIL_HOME for the whole run, below a folder that every user may cross, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="test-longtail-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


@pytest.fixture(scope="session")
def database_url(run_home: Path) -> Iterator[str]:
    with postgres(run_home, durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def temporal_server(run_home: Path) -> Iterator[TemporalServer]:
    with temporal(run_home, ui=False) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(database_url, pool_size=16))
    await schema.upgrade(database.engine)
    yield database
    await database.close()


@pytest.fixture
async def database(migrated: Database) -> AsyncIterator[Database]:
    """An empty database. Everything hangs on sites."""
    yield migrated
    async with migrated.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))


@pytest.fixture(scope="session")
async def client(temporal_server: TemporalServer) -> Client:
    return await temporal_client.connect(temporal_server.address)


@pytest.fixture
def colour() -> Colour:
    """A colour of its own, so that no test's worker takes another's articles."""
    return Colour(f"test-{secrets.token_hex(4)}")


@pytest.fixture
def settings(run_home: Path) -> Settings:
    """What the environment says is left out."""
    return Settings.model_construct(home=run_home)
