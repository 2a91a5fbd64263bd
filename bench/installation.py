"""A complete Longtail in a separate folder.

Durable PostgreSQL, Temporal, the sample site, workers as processes.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle

from src.application.batches import Batches
from src.bootstrap import Application, open_application, open_local_servers
from src.domain.colour import BLUE, Colour
from src.domain.longtail import Longtail
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal.messages import BatchReport
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from src.settings import Settings

from . import workload

BatchHandle = WorkflowHandle[SiteBatchWorkflow, BatchReport | None]

_OBEYED = ("LONGTAIL_", "TEMPORAL_", "OPENAI_", "ANTHROPIC_", "DATABASE_URL", "PYTHON")
_CODE = Path(__file__).parents[1]
_STOP_SECONDS = 30
BENCH = Principal.owner("bench")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """Paths, addresses and server process ids of an installation."""

    folder: Path
    compiled: Path
    application: Application
    database: Database
    client: Client
    batches: Batches
    temporal_pid: int
    postgres_pid: int

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a process of ours.

        Nothing that changes its behaviour, and a place for Python's compiled modules.

        Where the machine forbids these, every start would compile all libraries and count as slow and large.
        """
        inherited = os.environ.items()  # noqa: TID251 - handed to a separate process
        plain = {name: value for name, value in inherited if not name.startswith(_OBEYED)}
        return plain | {"PYTHONPATH": str(_CODE), "PYTHONPYCACHEPREFIX": str(self.compiled)}

    async def start_batch(self, keywords: list[str]) -> BatchHandle:
        """Import the keywords and start one batch of them all."""
        site = workload.site()
        async with self.database.unit_of_work() as uow:
            await uow.sites.upsert(site)
            await uow.longtails.add(site.slug, [Longtail(phrase=phrase) for phrase in keywords], source="bench")
            slots = [batch.slot for batch in await uow.batches.list_all(site=site.slug, limit=1)]
        slot = max(slots, default=datetime(2026, 1, 1, tzinfo=UTC)) + timedelta(days=1)
        started = await self.batches.start(site.slug, slot=slot, limit=len(keywords), colour=BLUE)
        return self.client.get_workflow_handle_for(SiteBatchWorkflow.run, started.workflow_id)

    def worker(self, *, model_url: str, slots: int, colour: Colour = BLUE) -> "Worker":
        """Start a worker process."""
        settings = {
            "LONGTAIL_HOME": str(self.folder / "home"),
            "LONGTAIL_MODEL_SLOTS": str(slots),
            "OPENAI_BASE_URL": model_url,
            "OPENAI_API_KEY": "bench",
        }
        with (self.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "src.cli", "worker", "--colour", colour, "--while-stdin-open"],
                stdin=subprocess.PIPE,  # it leaves when we do
                stdout=log,
                stderr=log,
                cwd=self.folder,  # where no .env is
                env=self.environment | settings,
            )
        return Worker(process, colour)

    def command(self, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        """Start a command; what it prints is added to ``log``."""
        with log.open("ab") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "src.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.folder,
                env=self.environment | {"LONGTAIL_HOME": str(self.folder / "home")},
            )


class Worker:
    """One worker process."""

    def __init__(self, process: subprocess.Popen[bytes], colour: Colour) -> None:
        self._process = process
        self.colour = colour

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return whether it has not ended."""
        if self._process.poll() is None:
            return True
        self._let_go()
        return False

    def kill(self) -> None:
        """End it as a crash would, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        self._let_go()

    def drain(self) -> None:
        """Ask it to finish its calls and end."""
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it, after its calls if they end in time."""
        self.drain()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._let_go()

    def _let_go(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        self._process.stdin.close()


@contextmanager
def stopping(worker: Worker) -> Iterator[Worker]:
    """Stop the worker at the end of the block."""
    try:
        yield worker
    finally:
        worker.stop()


@asynccontextmanager
async def installation(*, compiled: Path | None = None) -> AsyncIterator[Installation]:
    """Set everything up, and take it down again.

    ``compiled`` is where others keep Python's compiled modules.
    """
    with _folder() as folder, open_local_servers(folder / "home") as servers:
        settings = Settings.model_construct(home=folder / "home", database_pool_size=2)
        async with open_application(settings, servers, principal=BENCH) as opened:
            yield Installation(
                folder=folder,
                compiled=compiled or folder / "compiled",
                application=opened,
                database=opened.database,
                client=opened.client,
                batches=Batches(opened.database, opened.workflows, by=BENCH),  # the workers have models of their own
                temporal_pid=servers.temporal.pid or 0 if servers.temporal else 0,
                postgres_pid=await postmaster(opened.database),
            )


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-longtail-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL may run as another user, who has to get through
        yield folder


async def postmaster(database: Database) -> int:
    """Return the process id of the PostgreSQL that answers."""
    async with database.engine.connect() as connection:
        backend = await connection.scalar(text("SELECT pg_backend_pid()"))
    return psutil.Process(backend).ppid()


async def reported(handle: BatchHandle) -> BatchReport:
    """Return the report of the batch.

    Raises AssertionError for a slot that got none.
    """
    report = await handle.result()
    if report is None:
        raise AssertionError(f"{handle.id} had no batch")
    return report
