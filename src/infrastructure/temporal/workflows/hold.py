"""What every workflow that can be held knows of it: the newest state, by signal, since signals need no live worker.

While nothing is held this adds no step to a history.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from src.domain.hold import HoldDepth, HoldState

Result = TypeVar("Result")


class CanBeHeld:
    """A workflow that stops and goes on where it is told to."""

    def __init__(self) -> None:
        self._hold = HoldState()
        self._said = ""

    @workflow.signal(
        description="Stop at this depth, or go on when depth is null.",
        unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON,  # at its end there is nobody left to tell
    )
    async def hold(self, state: HoldState) -> None:
        """Take a state that is newer than the known one."""
        if self.learn(state):
            await self.hold_changed()

    async def hold_changed(self) -> None:
        """React to a state that is new."""

    def learn(self, state: HoldState) -> bool:
        """Keep the newer state. Returns whether it is this one."""
        if state.version <= self._hold.version:
            return False
        self._hold = state
        self.say(self._said)
        return True

    def may_start(self) -> bool:
        """Whether something new may start."""
        return not self._hold.stops(HoldDepth.ARTICLES)

    def say(self, doing: str) -> None:
        """Show in Temporal's UI what goes on, and that it is held."""
        self._said = doing
        held = f"held at {self._hold.depth}" if self._hold.depth else ""
        workflow.set_current_details("; ".join(text for text in (held, doing) if text))


class HoldsItsChildren(CanBeHeld):
    """One that passes on what it is told.

    The database does not know a child that starts in this very moment, so whoever sets a hold may miss it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._children: list[workflow.ChildWorkflowHandle[Any, Any]] = []
        self._telling: set[asyncio.Task[None]] = set()

    async def hold_changed(self) -> None:
        """Tell the children that have started; the others are told once they have."""
        await asyncio.gather(*(self._tell(child) for child in self._children))

    async def result_of(self, starting: Awaitable[workflow.ChildWorkflowHandle[Any, Result]]) -> Result:
        """Wait for a child's start and end."""
        known = self._hold.version
        child = await starting
        self._children.append(child)
        if self._hold.version > known:
            task = asyncio.ensure_future(self._tell(child))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        try:
            return await child
        finally:
            self._children.remove(child)

    async def _tell(self, child: workflow.ChildWorkflowHandle[Any, Any]) -> None:
        try:
            await child.signal(CanBeHeld.hold, self._hold)
        except FailureError:
            workflow.logger.info("child_ended_before_it_was_told", extra={"child": child.id})
