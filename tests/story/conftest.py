"""The command line as people run it: processes of their own, told nothing by the environment that the tests run in."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import pytest

from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.stage_outputs import StageOutput
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded import process
from src.infrastructure.embedded.temporal import TemporalServer

_OURS = ("LONGTAIL_", "TEMPORAL_", "OPENAI_", "ANTHROPIC_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE")


class Longtail:
    """The command, in a folder where no ``.env`` is."""

    def __init__(self, folder: Path, compiled: Path, **variables: str) -> None:
        inherited = os.environ.items()  # noqa: TID251 - handed on to processes, without what they would obey
        self.folder = folder
        self.home = folder / "home"
        self._environment = {name: value for name, value in inherited if not name.startswith(_OURS)} | {
            "LONGTAIL_HOME": str(self.home),
            "LONGTAIL_LOG_JSON": "true",
            "TEMPORAL_CONFIG_FILE": str(folder / "none.toml"),
            "PYTHONPYCACHEPREFIX": str(compiled),  # else each of some fifty processes compiles its imports anew
            "TZ": "UTC",
            **variables,
        }

    def run(
        self, *arguments: str, stdout: IO[str] | int = subprocess.PIPE, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "src.cli", *arguments],
            cwd=self.folder,
            env=self._environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=150,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """What a command that succeeds prints with ``--json``."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, **variables: str) -> "Running":
        """Start a command that goes on until it is told to stop, or ends with the block."""
        return Running(
            [sys.executable, "-m", "src.cli", *arguments],
            log=self.folder / f"{arguments[0]}.log",
            cwd=self.folder,
            environment=self._environment | variables,
        )


class Running:
    """A process of the command line, with both its streams in ``log``."""

    def __init__(self, command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(30)

    def terminate(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8")


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A folder that every user may cross, unlike pytest's own, since PostgreSQL may run as another one."""
    with tempfile.TemporaryDirectory(prefix="test-longtail-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)
        try:
            yield folder
        finally:
            for left in process.everything():  # servers of a command that was killed, or of a test that failed
                if f" {folder}/" in left.command:
                    process.stop(left, signals=[signal.SIGTERM, signal.SIGKILL], patience=timedelta(seconds=10))


@pytest.fixture(scope="session")
def compiled() -> Iterator[Path]:
    """Bytecode that the processes of this run share."""
    with tempfile.TemporaryDirectory(prefix="test-longtail-") as folder:
        yield Path(folder)


@pytest.fixture
def longtail(
    tmp_path: Path, compiled: Path, database: Database, database_url: str, temporal_server: TemporalServer
) -> Longtail:
    """The command on the run's own servers, as in production: both are named by the environment."""
    return Longtail(tmp_path, compiled, DATABASE_URL=database_url, TEMPORAL_ADDRESS=temporal_server.address)


class Records:
    """What the database holds of one site."""

    def __init__(self, database: Database, site: str) -> None:
        self._database = database
        self._site = site

    async def batches(self) -> list[Batch]:
        async with self._database.unit_of_work() as uow:
            return await uow.batches.list_all(site=self._site)

    async def articles(self) -> list[Article]:
        async with self._database.unit_of_work() as uow:
            return await uow.articles.list_all(site=self._site, limit=1000)

    async def pages(self) -> dict[str, str]:
        """Complete pages by keyword."""
        made = [article for article in await self.articles() if article.status is ArticleStatus.NEEDS_REVIEW]
        async with self._database.unit_of_work() as uow:
            return {article.keyword: await uow.articles.find_html(article.id) or "" for article in made}

    async def calls(self) -> list[tuple[str, ModelCall]]:
        """The ledger: keyword and call."""
        articles = await self.articles()
        async with self._database.unit_of_work() as uow:
            return [(a.keyword, call) for a in articles for call in await uow.model_calls.list_for_article(a.id)]

    async def outputs(self) -> list[tuple[str, StageOutput]]:
        """Keyword and stage output."""
        articles = await self.articles()
        async with self._database.unit_of_work() as uow:
            return [
                (a.keyword, o) for a in articles for o in await uow.stage_outputs.list_for_article(a.id, a.revision)
            ]


@pytest.fixture
def records(database: Database) -> Callable[[str], Records]:
    return lambda site: Records(database, site)
