"""Keeps a few of many things under way at once.

Without a window every article's stage A would queue before any stage B, and the last articles would pay a whole stage
more. Handles are awaited, so that every outcome arrives, also of what was terminated.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from src.domain.article import Failure

Item = TypeVar("Item")
Tasks: TypeAlias = "list[asyncio.Task[Failure | None]]"


async def keep_under_way(
    items: Iterable[Item],
    run: Callable[[Item], Awaitable[Failure | None]],
    *,
    at_once: int,
    may_start: Callable[[], bool],
) -> Failure | None:
    """Run every item, ``at_once`` at a time, in order; none starts while ``may_start`` says no.

    When one returns a Failure no further item is started, those under way end, and it is returned. When this is
    cancelled, those under way are cancelled and awaited first.
    """
    waiting = deque(items)
    under_way: list[asyncio.Task[Failure | None]] = []
    halted: Failure | None = None
    try:
        while True:
            while halted is None and may_start() and len(under_way) < at_once and waiting:
                under_way.append(asyncio.ensure_future(run(waiting.popleft())))
            if not under_way and (halted is not None or not waiting):
                return halted
            held = halted is None and bool(waiting) and not may_start()
            done, under_way = await (_one_ends_or(may_start, under_way) if held else _one_ends(under_way))
            halted = halted or next((failure for task in done if (failure := task.result())), None)
    except BaseException:
        for task in under_way:
            task.cancel()
        if under_way:
            ended, _ = await workflow.wait(under_way)
            for task in ended:
                task.cancelled() or task.exception()  # seen, or asyncio would complain that nobody did
        raise


async def _one_ends(tasks: Tasks) -> tuple[Tasks, Tasks]:
    """Wait, and return those that ended and those that did not."""
    return await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _one_ends_or(may_start: Callable[[], bool], tasks: Tasks) -> tuple[Tasks, Tasks]:
    """The same, but no longer than until something may start again."""
    release = asyncio.ensure_future(workflow.wait_condition(may_start))
    try:
        await workflow.wait([release, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        release.cancel()
    return [task for task in tasks if task.done()], [task for task in tasks if not task.done()]
