"""A publisher that dies at a step: as a process ``URL ROOT ARTICLE STEP`` by kill -9, in a test by an exception."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

from src.application.publication_runs import PublicationRuns
from src.domain.ids import ArticleId
from src.domain.publishing import Page
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.publishing.folder import FolderTarget


class Killed(BaseException):
    """Ends what runs, as a kill would; nothing handles it."""


class DeadlyFolder(FolderTarget):
    """A folder whose writer dies at a step, as by kill -9."""

    def __init__(self, root: Path, site: str, step: str, *, kill: Callable[[], None]) -> None:
        super().__init__(root, site)
        self._step = step
        self._kill = kill

    async def put(self, page: Page) -> None:
        self._die("before the page")
        await super().put(page)
        self._die("after the page")

    async def announce(self, files: Mapping[str, bytes]) -> None:
        await super().announce({name: data for name, data in files.items() if "sitemap" in name})
        self._die("after the sitemap")
        await super().announce(files)
        self._die("before the record")
        self._die("taken out of the sitemap")

    async def take_off(self, key: str, path: str) -> None:
        await super().take_off(key, path)
        self._die("taken off")

    def _die(self, step: str) -> None:
        if step == self._step:
            self._kill()


def kill_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def raise_killed() -> None:
    raise Killed


async def main(url: str, root: str, article: str, step: str) -> None:
    database = Database(create_engine(url, pool_size=2))
    runs = PublicationRuns(database, lambda site, _: DeadlyFolder(Path(root), site, step, kill=kill_process))
    for publication_id in (await runs.look(ArticleId(UUID(article)))).due:
        await runs.carry_out(publication_id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
