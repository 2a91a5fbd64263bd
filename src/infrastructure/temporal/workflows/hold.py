"""Base classes of workflows that can be held by a signal.

A signal reaches a workflow that has no live worker. While nothing is held this adds no event to a history.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from src.domain.colour import Colour
    from src.domain.hold import HoldDepth, HoldState

    from ..messages import HandOver

from .uninterrupted import uninterrupted

Result = TypeVar("Result")
Handle = TypeVar("Handle", bound="workflow.ChildWorkflowHandle[Any, Any]")

_CANCELS_ONCE = 4  # the generation since which a child is cancelled only between its start and its end
_PASSES_ON = 5  # the generation since which a parent passes on what it has not finished


class HoldableWorkflow:
    """A workflow that pauses while its site is held."""

    def __init__(self) -> None:
        self._hold = HoldState()
        self._progress = ""

    @workflow.signal(
        description="Pause at this depth; resume when depth is null.",
        unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON,  # at its end it has no child to signal
    )
    async def hold(self, state: HoldState) -> None:
        """Take a state that is newer than the known one."""
        if self.update_hold(state):
            await self.on_hold_changed()

    async def on_hold_changed(self) -> None:
        """React to a new state; does nothing by default."""

    def update_hold(self, state: HoldState) -> bool:
        """Keep ``state`` if it is newer than the known one.

        Return whether it is.
        """
        if state.version <= self._hold.version:
            return False
        self._hold = state
        self.show_progress(self._progress)
        return True

    def may_start(self) -> bool:
        """Return whether a new article may start."""
        return not self._hold.stops(HoldDepth.ARTICLES)

    def show_progress(self, progress: str) -> None:
        """Show ``progress``, and the hold if there is one, in Temporal's UI."""
        self._progress = progress
        held = f"held at {self._hold.depth}" if self._hold.depth else ""
        workflow.set_current_details("; ".join(text for text in (held, progress) if text))


class LeftToOthersError(Exception):
    """A child runs on without this workflow."""


class HoldableParent(HoldableWorkflow):
    """A holdable workflow that forwards the signal to its children.

    The process that sets a hold reads the running workflows from the database, which does not list a child that is
    just being started. Its parent signals it. Such a workflow can also be asked to pass on what is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._generation = 0
        self._children: list[workflow.ChildWorkflowHandle[Any, Any]] = []
        self._forwarding: set[asyncio.Task[None]] = set()
        self._next: Colour | None = None  # that goes on with what is left

    @workflow.signal(description="Start nothing more; workers of this colour go on with what is left.")
    def hand_over(self, request: HandOver) -> None:
        """Pass on what is left, also to the same colour."""
        self._next = request.colour

    def passes_on(self) -> bool:
        """Return whether it starts nothing more and leaves what runs to others.

        A workflow that is cancelled ends what it has.
        """
        if self._next is None or self._generation < _PASSES_ON:
            return False
        return workflow.cancellation_reason() is None

    async def on_hold_changed(self) -> None:
        """Signal the children that have started; ``run_child`` signals those that are starting."""
        await self.signal_children(HoldableWorkflow.hold, self._hold)

    async def signal_children(self, signal: Callable[..., Any], argument: object) -> None:
        """Signal the children that have started and not ended."""
        await asyncio.gather(*(_signal(child, signal, argument) for child in self._children))

    async def run_child(
        self, starting: Coroutine[Any, Any, workflow.ChildWorkflowHandle[Any, Result]], *, is_left: bool = False
    ) -> Result:
        """Wait until a child has started and ended, and return its result.

        When this passes on what is left, a child that ``is_left`` runs on by itself, and LeftToOthersError is raised;
        another one is told, and its end is awaited.
        """
        known = self._hold.version
        cancels_once = self._generation >= _CANCELS_ONCE
        child = await (_started(starting) if cancels_once else starting)
        self._children.append(child)
        if self._hold.version > known:
            task = asyncio.ensure_future(_signal(child, HoldableWorkflow.hold, self._hold))
            self._forwarding.add(task)
            task.add_done_callback(self._forwarding.discard)
        try:
            if self._generation >= _PASSES_ON:
                return await self._end_or_leave(child, is_left=is_left)
            return await (_end_of(child) if cancels_once else child)
        finally:
            self._children.remove(child)

    async def _end_or_leave(self, child: workflow.ChildWorkflowHandle[Any, Result], *, is_left: bool) -> Result:
        if workflow.cancellation_reason() is None:  # else it came while the child was being started, and comes once
            with suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: child.done() or self.passes_on())
        if self.passes_on() and not child.done():
            if is_left:
                raise LeftToOthersError
            assert self._next is not None  # noqa: S101 - it passes on
            await uninterrupted(_signal(child, HoldableParent.hand_over, HandOver(colour=self._next)))
        return await _end_of(child)


async def _signal(child: workflow.ChildWorkflowHandle[Any, Any], signal: Callable[..., Any], argument: object) -> None:
    try:
        await child.signal(signal, argument)
    except FailureError:
        workflow.logger.info("child_ended_before_signal", extra={"child": child.id})


async def _started(starting: Coroutine[Any, Any, Handle]) -> Handle:
    """Wait for a child's start, whatever is cancelled meanwhile.

    Temporal gives a request to stop that comes before the start to the id's run before, which may have ended.
    """
    try:
        return await uninterrupted(starting)
    except WorkflowAlreadyStartedError:
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError from None
        raise


async def _end_of(child: workflow.ChildWorkflowHandle[Any, Result]) -> Result:
    """Wait for a child's end.

    What cancels this task cancels the child, unless that has ended. The SDK would also ask to cancel a child whose end
    came with the cancellation. Its core refuses that, and the workflow task would fail at every attempt.
    """
    with suppress(asyncio.CancelledError):
        if workflow.cancellation_reason() is None:
            await workflow.wait([child])
            return await child
    await asyncio.sleep(0)  # an end that came in this activation is delivered by the next turn
    if not child.done():
        child.cancel()
    return await child
