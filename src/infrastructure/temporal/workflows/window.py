"""Runs many items, a limited number of them at a time.

Without a limit every article's stage A would queue before any stage B, and the last articles would take one stage
longer. Handles are awaited, so that every outcome arrives, also that of a child that was terminated.
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


async def run_windowed(
    items: Iterable[Item],
    run: Callable[[Item], Awaitable[Failure | None]],
    *,
    at_once: Callable[[], int],
    may_start: Callable[[], bool],
    stopped: Callable[[], Failure | None] = lambda: None,
    passes_on: Callable[[], bool] = lambda: False,
) -> Failure | None:
    """Run the items in order, ``at_once`` at a time.

    None starts while ``may_start`` is false, and no further one once ``passes_on`` is true: then the running ones end
    soon, and what is left is others'. ``at_once`` is asked again whenever one has ended.

    When one returns a Failure, or ``stopped`` does, no further item is started, the running ones end, and it is
    returned. When this is cancelled, the running ones are cancelled and awaited first.
    """
    pending = deque(items)
    running: list[asyncio.Task[Failure | None]] = []
    halted: Failure | None = None
    try:
        while True:
            halted = halted or stopped()
            while halted is None and not passes_on() and may_start() and len(running) < at_once() and pending:
                running.append(asyncio.ensure_future(run(pending.popleft())))
            is_over = halted is not None or passes_on() or not pending
            if not running and is_over:
                return halted
            held = not is_over and not may_start()
            may_go_on = lambda: may_start() or stopped() is not None or passes_on()  # noqa: E731 - of this loop alone
            done, running = await (_wait_for_one_or_release(may_go_on, running) if held else _wait_for_one(running))
            halted = halted or next((failure for task in done if (failure := task.result())), None)
    except (Exception, asyncio.CancelledError):  # not GeneratorExit: a run that is thrown away may await nothing
        for task in running:
            task.cancel()
        if running:
            ended, _ = await workflow.wait(running)
            for task in ended:
                task.cancelled() or task.exception()  # retrieved, or asyncio would log that it was not
        raise


async def _wait_for_one(tasks: Tasks) -> tuple[Tasks, Tasks]:
    """Wait until a task ends; return the ended and the other ones."""
    return await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _wait_for_one_or_release(may_start: Callable[[], bool], tasks: Tasks) -> tuple[Tasks, Tasks]:
    """Wait until a task ends or an item may start.

    Return as ``_wait_for_one``.
    """
    release = asyncio.ensure_future(workflow.wait_condition(may_start))
    try:
        await workflow.wait([release, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        release.cancel()
    return [task for task in tasks if task.done()], [task for task in tasks if not task.done()]
