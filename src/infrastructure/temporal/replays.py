"""Replay histories that Temporal keeps with the workflows of this code.

Workflows run strictly sandboxed: what is not deterministic is found as well as what differs.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError
from temporalio.worker import Replayer

from src.domain.colour import COLOURS, Colour
from src.domain.replay import Replay, ReplayCount, ReplayFailure

from . import ids
from .replay_trace import Trace, Traced, TracedRunner
from .rpc_errors import is_not_found, translated
from .worker import FAILING_ERRORS, WORKFLOWS, strict_runner

CLOSED = 500  # histories of closed workflows
_LANES = 4  # histories at once: fetching one overlaps with replaying others
_PAGE = 1000  # Temporal returns no more

Tell = Callable[[int, int], None]  # how many of how many are done

_EVENT = re.compile(r"HistoryEvent\(id: (\d+)")
_MISMATCH = re.compile(r"scheduled event '([^']*)' does not match .* command '([^']*)'")
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


class Replays:
    """The histories of a namespace, for this code."""

    def __init__(
        self, client: Client, *, colours: Sequence[Colour] = COLOURS, workflows: Sequence[type] = tuple(WORKFLOWS)
    ) -> None:
        self._client = client
        self._queues = [*map(ids.task_queue, colours), ids.WATCH_QUEUE]
        self._workflows = list(workflows)

    async def replay(self, *, closed: int = CLOSED, tell: Tell = lambda *_: None) -> Replay:
        """Replay the histories of open workflows and the last closed ones.

        Each type has its share of those. Raises EngineUnavailable.
        """
        chosen = [*await self._list_open(), *await self._list_closed(closed)]
        progress = _Progress(waiting=iter(chosen), total=len(chosen), tell=tell)
        tell(0, len(chosen))
        with translated("hand out histories"):
            await asyncio.gather(*(self._lane(progress) for _ in range(min(_LANES, len(chosen)))))
        failures = sorted(progress.failures, key=lambda each: (not each.is_open, each.workflow_type, each.workflow_id))
        return Replay(counts=_counts(progress.replayed), failures=tuple(failures), gone=progress.gone)

    async def _list_open(self) -> list[WorkflowExecution]:
        return await self._list(f"{self._on_our_queues} AND ExecutionStatus = 'Running'", limit=None)

    async def _list_closed(self, wanted: int) -> list[WorkflowExecution]:
        """Return the last closed workflows, in turn one of each type.

        Else most would be looks of the watchdog.
        """
        names = [each.__name__ for each in WORKFLOWS]
        ended = f"{self._on_our_queues} AND ExecutionStatus != 'Running'"
        lists = [await self._list(f"{ended} AND WorkflowType = '{name}'", limit=wanted) for name in names]
        ranked = [(rank, each) for found in lists for rank, each in enumerate(found)]
        return [each for _, each in sorted(ranked, key=lambda pair: pair[0])][:wanted]

    @property
    def _on_our_queues(self) -> str:
        return f"TaskQueue IN ({', '.join(map(repr, self._queues))})"

    async def _list(self, query: str, *, limit: int | None) -> list[WorkflowExecution]:
        with translated("list workflows"):
            return [each async for each in self._client.list_workflows(query, limit=limit, page_size=_PAGE)]

    async def _lane(self, progress: "_Progress") -> None:
        """Replay one history after another."""
        histories = self._fetch(progress)
        async for history, broken in replayed(histories, workflows=self._workflows, client=self._client):
            progress.note(progress.under_way[history.run_id], broken)

    async def _fetch(self, progress: "_Progress") -> AsyncIterator[WorkflowHistory]:
        for execution in progress.waiting:
            handle = self._client.get_workflow_handle(execution.id, run_id=execution.run_id)
            try:
                history = await handle.fetch_history()
            except RPCError as error:
                if not is_not_found(error):
                    raise
                progress.gone += 1
                continue
            if any(each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED for each in history.events):
                progress.under_way[history.run_id] = execution
                yield history
            else:
                progress.note(execution, None)  # no code has seen it yet


async def replayed(
    histories: AsyncIterator[WorkflowHistory], *, workflows: Sequence[type], client: Client
) -> AsyncIterator[tuple[WorkflowHistory, "Break | None"]]:
    """Yield each history once it is replayed, with what broke.

    ``client`` says how payloads are decoded.
    """
    trace = Trace()
    replayer = Replayer(
        workflows=workflows,
        namespace=client.namespace,
        data_converter=client.data_converter,
        interceptors=[Traced(trace)],
        workflow_runner=TracedRunner(strict_runner(), trace),
        workflow_failure_exception_types=FAILING_ERRORS,
    )
    async with replayer.workflow_replay_iterator(_each_anew(histories, trace)) as results:
        async for result in results:
            error = result.replay_failure
            yield result.history, None if error is None else _explained(result.history, str(error), trace)


async def _each_anew(histories: AsyncIterator[WorkflowHistory], trace: Trace) -> AsyncIterator[WorkflowHistory]:
    async for history in histories:
        trace.begin(None)
        yield history


@dataclass(frozen=True)
class Break:
    """Where the code does something else than a history; see ``ReplayFailure``."""

    event: int | None
    place: str | None
    problem: str


@dataclass
class _Progress:
    """What the lanes share."""

    waiting: Iterable[WorkflowExecution]
    total: int
    tell: Tell
    under_way: dict[str, WorkflowExecution] = field(default_factory=dict)
    replayed: list[WorkflowExecution] = field(default_factory=list)
    failures: list[ReplayFailure] = field(default_factory=list)
    gone: int = 0

    def note(self, execution: WorkflowExecution, broken: Break | None) -> None:
        """Note that one more is done."""
        self.under_way.pop(execution.run_id, None)
        self.replayed.append(execution)
        if broken is not None:
            self.failures.append(_failure(execution, broken))
        self.tell(len(self.replayed) + self.gone, self.total)


def _counts(replayed: Iterable[WorkflowExecution]) -> tuple[ReplayCount, ...]:
    counts = Counter((each.workflow_type, _is_open(each)) for each in replayed)
    types = sorted({name for name, _ in counts})
    return tuple(ReplayCount(workflow_type=name, open=counts[name, True], closed=counts[name, False]) for name in types)


def _is_open(execution: WorkflowExecution) -> bool:
    return execution.status is WorkflowExecutionStatus.RUNNING


def _failure(execution: WorkflowExecution, broken: Break) -> ReplayFailure:
    return ReplayFailure(
        workflow_type=execution.workflow_type,
        workflow_id=execution.id,
        run_id=execution.run_id,
        is_open=_is_open(execution),
        event=broken.event,
        place=broken.place,
        problem=broken.problem,
    )


def _explained(history: WorkflowHistory, problem: str, trace: Trace) -> Break:
    found = _MESSAGE.search(problem)
    event, command = _event(history, problem)
    place = trace.place_of(command, text=problem)
    return Break(event=event or trace.events or None, place=place, problem=found[1] if found else problem)


def _event(history: WorkflowHistory, problem: str) -> tuple[int | None, str | None]:
    """Return the number of the event that an error names.

    And the command that the code issued instead.
    """
    if named := _EVENT.search(problem):
        return int(named[1]), None
    if not (mismatch := _MISMATCH.search(problem)):
        return None, None
    scheduled, command = mismatch.groups()
    return next((each.event_id for each in reversed(history.events) if scheduled in _names(each)), None), command


def _names(event: object) -> tuple[str, ...]:
    """Return what an error may call the event."""
    activity = getattr(event, "activity_task_scheduled_event_attributes")  # noqa: B009 - protobuf's
    child = getattr(event, "start_child_workflow_execution_initiated_event_attributes")  # noqa: B009 - likewise
    names = (activity.activity_id, activity.activity_type.name, child.workflow_id, child.workflow_type.name)
    return tuple(name for name in names if name)
