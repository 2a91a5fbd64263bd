"""Finishes a step of a workflow that is being cancelled.

Temporal's SDK may raise the cancellation again within the handler of the first one: it is delivered to the workflow's
task in a later turn than the one that sees ``workflow.cancellation_reason()``.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(doing: Coroutine[Any, Any, T]) -> T:
    """Await ``doing`` to its end, whatever is cancelled meanwhile."""
    task = asyncio.ensure_future(doing)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue
    return task.result()
