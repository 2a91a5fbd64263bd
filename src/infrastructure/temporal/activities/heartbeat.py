"""Beats while a model is silent, so that a slow first token is not taken for a dead worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from temporalio import activity


@asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    """Beat at a third of the activity's heartbeat timeout from a timer of its own, whatever the block waits for."""
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
