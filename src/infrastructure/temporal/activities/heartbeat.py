"""Sends heartbeats while a model is silent.

A slow first token is then not taken for a dead worker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Send heartbeats from a timer until the block ends.

    The interval is a third of the activity's heartbeat timeout.
    """
    task = asyncio.create_task(_beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat() -> None:
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        return
    while True:
        await asyncio.sleep(timeout.total_seconds() / 3)  # the start counts as the first beat
        activity.heartbeat()
