"""Notes where workflow code stands while a history is replayed.

An error of a replay names an event of the history, or a command, and no line of the code.
"""

import re
import traceback
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import (
    ContinueAsNewInput,
    ExecuteWorkflowInput,
    Interceptor,
    SignalExternalWorkflowInput,
    StartActivityInput,
    StartChildWorkflowInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
    WorkflowRunner,
)
from temporalio.workflow import ActivityHandle, ChildWorkflowHandle, Info

_HERE = Path(__file__).parents[3]  # of the source tree
_FOREIGN = ("site-packages", "/asyncio/", "replay_trace.py", "<frozen")
_FRAME = re.compile(r'File \\*"([^"\\]+)\\*", line (\d+), in (\w+)')


class Trace:
    """What one replay did so far.

    Attributes:
        events: how many events of the history it was given.
    """

    def __init__(self) -> None:
        self.begin(None)

    def begin(self, running: Coroutine[Any, Any, Any] | None) -> None:
        """Forget the history before."""
        self.events = 0
        self._commands: dict[str, str] = {}
        self._last: str | None = None
        self._standing: str | None = None
        self._raised: str | None = None
        self._running = running

    def issue(self, *names: str | None) -> None:
        """Note which line issued a command.

        ``names`` are what an error may call it.
        """
        self._last = next(_places(traceback.walk_stack(None)), None)
        self._commands.update({name: self._last for name in names if name and self._last})

    def fail(self, error: BaseException) -> None:
        """Note which line raised."""
        *_, self._raised = None, *_places(traceback.walk_tb(error.__traceback__))

    def look(self, events: int) -> None:
        """Note where the workflow waits."""
        self.events = events
        self._standing = _innermost(self._running) or self._standing

    def place_of(self, command: str | None, *, text: str = "") -> str | None:
        """Return the line to look at.

        That is where ``command`` was issued, else what ``text`` names as the last line of a traceback, what raised,
        where the workflow waits, or what it did last.
        """
        named = [_place(file, int(line), name) for file, line, name in _FRAME.findall(text) if _is_ours(file)]
        return self._commands.get(command or "") or [None, *named][-1] or self._raised or self._standing or self._last


class Traced(Interceptor):
    """Notes the commands of workflows."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def workflow_interceptor_class(self, _: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        """Return the class that is made for each workflow."""
        trace = self._trace

        class Inbound(_Inbound):
            def __init__(self, following: WorkflowInboundInterceptor) -> None:
                super().__init__(following)
                self.trace = trace

        return Inbound


class _Inbound(WorkflowInboundInterceptor):
    trace: Trace

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound, self.trace))

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401 - temporalio's
        running = self.next.execute_workflow(input)
        self.trace.begin(running)
        try:
            return await running
        except Exception as error:
            self.trace.fail(error)
            raise


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, following: WorkflowOutboundInterceptor, trace: Trace) -> None:
        super().__init__(following)
        self._trace = trace

    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - temporalio's
        self._trace.issue(input.activity, input.activity_id)
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> ActivityHandle[Any]:  # noqa: A002
        self._trace.issue(input.activity, input.activity_id)
        return super().start_local_activity(input)

    async def start_child_workflow(self, input: StartChildWorkflowInput) -> ChildWorkflowHandle[Any, Any]:  # noqa: A002
        self._trace.issue(input.workflow, input.id)
        return await super().start_child_workflow(input)

    async def signal_external_workflow(self, input: SignalExternalWorkflowInput) -> None:  # noqa: A002
        self._trace.issue(input.workflow_id)
        await super().signal_external_workflow(input)

    def continue_as_new(self, input: ContinueAsNewInput) -> "Any":  # noqa: A002, ANN401 - it never returns
        self._trace.issue(input.workflow)
        super().continue_as_new(input)


class TracedRunner(WorkflowRunner):
    """Runs workflows as another runner does, and notes where they wait."""

    def __init__(self, runner: WorkflowRunner, trace: Trace) -> None:
        self._runner = runner
        self._trace = trace

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - temporalio's own, not exported
        """Prepare as the other runner does."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Any) -> None:  # noqa: ANN401 - likewise
        """Set them for the other runner."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance of the other runner, watched."""
        return _Instance(self._runner.create_instance(det), self._trace)


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, trace: Trace) -> None:
        self._instance = instance
        self._trace = trace

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = self._instance.activate(act)
        self._trace.look(act.history_length)
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:  # noqa: ANN401 - temporalio's own, not exported
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:  # noqa: ANN401 - likewise
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _innermost(running: Any) -> str | None:  # noqa: ANN401 - coroutines, generators, futures
    """Return the innermost line of our code in a chain of awaits."""
    found: str | None = None
    while running is not None:
        frame = getattr(running, "cr_frame", None) or getattr(running, "gi_frame", None)
        if frame is not None:
            *_, found = found, *_places([(frame, frame.f_lineno)])
        running = getattr(running, "cr_await", None) or getattr(running, "gi_yieldfrom", None)
    return found


def _places(frames: Any) -> Iterator[str]:  # noqa: ANN401 - of frame and line, as traceback walks
    frame: FrameType
    for frame, line in frames:
        if _is_ours(frame.f_code.co_filename):
            yield _place(frame.f_code.co_filename, line, frame.f_code.co_name)


def _is_ours(file: str) -> bool:
    return not any(part in file for part in _FOREIGN)


def _place(file: str, line: int, function: str) -> str:
    path = Path(file)
    shown = path.relative_to(_HERE) if path.is_relative_to(_HERE) else path
    return f"{shown}:{line} in {function}"
