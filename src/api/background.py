"""Work that goes on after its request was answered.

It ends with the process; what it does is on record in steps, and whoever asks again goes on there.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from src.domain.errors import LongtailError

log = structlog.get_logger()


class Background:
    """The tasks of one process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        """Let the work go on; what ends it early is logged."""
        task = asyncio.create_task(_logged(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self) -> None:
        """Wait until nothing goes on."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cut off what goes on, and let it put things in order."""
        for task in self._tasks:
            task.cancel()
        await self.wait()


async def _logged(what: str, work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except LongtailError as error:
        log.warning("background_ended", what=what, error=error.message)
    except Exception:  # the edge of a task, whose error nobody else would see
        log.exception("background_failed", what=what)
