"""The real engines of one test process, and a database that every test finds empty.

Workers of pytest-xdist share a PostgreSQL server, where each clones its database from one that was migrated once.
Each has a Temporal server for itself, since some tests look at all workflows and schedules of a namespace.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from temporalio.client import Client

from src.bootstrap import Application, open_local_postgres, open_local_temporal
from src.domain.colour import Colour
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.temporal import client as temporal_client
from src.settings import Settings
from tests.applications import an_application
from tests.engines import Engines

_SHARED = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_TEMPLATE = "longtail_template"
_SLOWEST_FIRST = ("long", "shape", "browser", "story", "workflows", "upgrade", "integration", "unit")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run in the process that the others report to."""
    if hasattr(
        config, "workerinput"
    ):  # it is measured already; the processes that tests start would take twice the CPU
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # noqa: TID251
    else:
        folder = tempfile.TemporaryDirectory(prefix="test-longtail-", ignore_cleanup_errors=True)
        Path(folder.name).chmod(0o711)  # PostgreSQL may run as another user
        config.stash[_SHARED] = folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the folder of the run to a worker of pytest-xdist."""
    node.workerinput["shared_folder"] = node.config.stash[_SHARED].name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms whose files take longest, or one process would end with them alone."""
    items.sort(key=lambda item: _SLOWEST_FIRST.index(item.path.relative_to(Path(__file__).parent).parts[0]))


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_SHARED, None):
        folder.cleanup()


@pytest.fixture(scope="session")
def shared_folder(pytestconfig: pytest.Config) -> Path:
    """Return the folder that the test processes of one run share; every user may cross it."""
    folder = pytestconfig.stash.get(_SHARED, None)
    return Path(folder.name if folder else pytestconfig.workerinput["shared_folder"])  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def run_home(shared_folder: Path, worker_id: str) -> Path:
    """Return the LONGTAIL_HOME of this test process."""
    folder = shared_folder / worker_id
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    return folder / "home"


@pytest.fixture(scope="session")
def postgres_url(shared_folder: Path) -> Iterator[str]:
    """Yield the URL of the server's own database, which nobody migrates."""
    with open_local_postgres(shared_folder / "shared", durable=False) as url:
        # As an operator names a server: nothing says that there is no pooler.
        yield make_url(url).set(query={}).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
async def database_url(postgres_url: str, shared_folder: Path, worker_id: str) -> str:
    """Return the URL of a database that only this test process uses, migrated to head."""
    admin = create_engine(postgres_url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    mine, names = f"longtail_{worker_id}", text("SELECT datname FROM pg_database")
    with one_at_a_time(shared_folder / "template.lock"):
        async with admin.connect() as connection:
            if _TEMPLATE not in await connection.scalars(names):
                await connection.execute(text(f"CREATE DATABASE {_TEMPLATE}"))
                template = create_engine(named(postgres_url, _TEMPLATE), pool_size=1)
                await schema.upgrade(template)
                await template.dispose()
            await connection.execute(text(f"CREATE DATABASE {mine} TEMPLATE {_TEMPLATE}"))
    await admin.dispose()
    return named(postgres_url, mine)


@pytest.fixture(scope="session")
def temporal_server(run_home: Path) -> Iterator[TemporalServer]:
    with open_local_temporal(run_home, ui=False) as server:
        yield server


@pytest.fixture(scope="session")
async def migrated(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(database_url, pool_size=16))
    yield database
    await database.close()


@pytest.fixture
async def database(migrated: Database) -> AsyncIterator[Database]:
    """An empty database."""
    yield migrated
    async with migrated.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))
        await connection.execute(text("DELETE FROM users"))  # the audit trail stays: nothing can be deleted from it
        await connection.execute(text("DELETE FROM model_calls"))  # money spent outlives a site
        await connection.execute(text("DELETE FROM workers"))
        await connection.execute(text("DELETE FROM watchdog_alerts"))
        await connection.execute(text("DELETE FROM answering_models"))
        await connection.execute(text("DELETE FROM idempotency_keys"))
        await connection.execute(text("DELETE FROM failed_logins"))
        await connection.execute(text("DELETE FROM deployments"))
        await connection.execute(
            text("UPDATE routing SET active_colour = 'blue', canary_colour = NULL, canary_share = NULL")
        )


@pytest.fixture
async def fresh(database_url: str) -> AsyncIterator[Database]:
    """A database of this test alone, whose audit trail holds nothing of others."""
    async with cloned(database_url) as own:
        yield own


@asynccontextmanager
async def cloned(database_url: str) -> AsyncIterator[Database]:
    """Yield a new database, migrated to head, and drop it."""
    name = f"fresh_{secrets.token_hex(4)}"
    admin = create_engine(database_url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}"))
    own = Database(create_engine(named(database_url, name), pool_size=8))
    yield own
    await own.close()
    async with admin.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await admin.dispose()


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


@pytest.fixture
def application(client: Client, database: Database, settings: Settings) -> Application:
    return an_application(client, database, settings=settings)


@pytest.fixture
def engines(run_home: Path) -> Iterator[Engines]:
    """Servers of this test's own."""
    made = Engines(run_home.with_name(f"outage-{secrets.token_hex(4)}"))
    yield made
    made.close()


def named(url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Hold a lock among the test processes of this run."""
    with file.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
