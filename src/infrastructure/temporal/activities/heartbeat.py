"""Sends heartbeats while a model is silent.

A slow first token is then not taken for a dead worker.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity

from .. import policies


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Send heartbeats from a timer until the block ends."""
    task = asyncio.create_task(_beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat() -> None:
    while True:
        await asyncio.sleep(policies.HEARTBEAT_INTERVAL.total_seconds())  # the start counts as the first beat
        activity.heartbeat()
