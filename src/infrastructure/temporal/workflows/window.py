"""Keeps a few of many things under way at once.

Without a window every article's stage A would queue before any stage B, and the last articles would pay a whole stage
more. Handles are awaited, so that every outcome arrives, also of what was terminated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from src.domain.article import Failure

Item = TypeVar("Item")


async def keep_under_way(
    items: Iterable[Item], run: Callable[[Item], Awaitable[Failure | None]], *, at_once: int
) -> Failure | None:
    """Run every item, ``at_once`` at a time, in order.

    When one returns a Failure no further item is started, those under way end, and it is returned. When this is
    cancelled, those under way are cancelled and awaited first.
    """
    waiting = iter(items)
    under_way: list[asyncio.Task[Failure | None]] = []
    halted: Failure | None = None
    try:
        while True:
            while halted is None and len(under_way) < at_once and (item := next(waiting, None)) is not None:
                under_way.append(asyncio.ensure_future(run(item)))
            if not under_way:
                return halted
            done, under_way = await workflow.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            halted = halted or next((failure for task in done if (failure := task.result())), None)
    except BaseException:
        for task in under_way:
            task.cancel()
        if under_way:
            await workflow.wait(under_way)
        raise
