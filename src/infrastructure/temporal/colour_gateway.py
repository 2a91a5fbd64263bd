"""Show what a colour has to do, and move it.

Domain values in and out. Every request may be repeated, after a crash at any point as well. What was told once need
not be told again: functions that signal return the runs that took it, and leave out those that are ``told``.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from src.domain.batch import Batch
from src.domain.colour import Colour
from src.domain.deployment import ColourWork, MovedWork, OpenWork, Poller, QueueState, Routing, WorkKind
from src.domain.errors import EngineUnavailable
from src.domain.hold import HoldState
from src.domain.ids import ArticleId

from . import ids
from .messages import HandOver, Route
from .review_moves import ReviewMoves
from .rpc_errors import is_not_found, translated
from .stuck_work import StuckWork
from .workflow_gateway import shards_of
from .workflows.article import ArticleWorkflow
from .workflows.article_parent import ArticleParent
from .workflows.hold import HoldableParent
from .workflows.publish import PublishWorkflow
from .workflows.schedule_resume import ScheduleResumeWorkflow
from .workflows.site_batch import ArticleShardWorkflow, SiteBatchWorkflow

log = structlog.get_logger()

T = TypeVar("T")

_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_PAGE = 1000  # Temporal returns no more
_KINDS = {
    SiteBatchWorkflow.__name__: WorkKind.BATCH,
    ArticleShardWorkflow.__name__: WorkKind.SHARD,
    ArticleWorkflow.__name__: WorkKind.ARTICLE,
    ids.REVIEW_WORKFLOW: WorkKind.REVIEW,
    PublishWorkflow.__name__: WorkKind.PUBLICATION,
    ScheduleResumeWorkflow.__name__: WorkKind.RESUME,
}


class ColourGateway:
    """The work of the colours, as Temporal has it."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # --- what a colour has to do

    async def describe_colour(self, colour: Colour) -> ColourWork:
        """Return what the colour has to do.

        What Temporal does not say is None.
        """
        running = await _known(self._list_running(colour))
        return ColourWork(
            colour=colour,
            open=None if running is None else _counted(running),
            articles=None if running is None else _articles(running),
            workflows=await _known(self._describe(colour, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)),
            activities=await _known(self._describe(colour, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)),
        )

    async def _list_running(self, colour: Colour, *types: str) -> list[WorkflowExecution]:
        query = f"TaskQueue = '{ids.task_queue(colour)}' AND ExecutionStatus = 'Running'"
        if types:
            query += f" AND WorkflowType IN ({', '.join(repr(each) for each in types)})"
        with translated("list what runs"):
            return [each async for each in self._client.list_workflows(query, page_size=_PAGE)]

    async def _describe(self, colour: Colour, kind: "TaskQueueType.ValueType") -> QueueState:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=ids.task_queue(colour)),
            task_queue_type=kind,
            report_stats=True,
        )
        with translated("describe the task queue"):
            described = await self._client.workflow_service.describe_task_queue(request)
        if not described.HasField("stats"):  # an older server
            raise EngineUnavailable("Temporal did not describe the task queue's backlog")
        return QueueState(
            backlog=described.stats.approximate_backlog_count,
            backlog_age=described.stats.approximate_backlog_age.ToTimedelta(),
            pollers=tuple(
                Poller(identity=each.identity, seen_at=each.last_access_time.ToDatetime(tzinfo=UTC))
                for each in described.pollers
            ),
        )

    # --- asking it to pass on what it has

    async def tell_routing(self, batches: Iterable[Batch], routing: Routing) -> int:
        """Signal the batches and their shards which articles start on another colour.

        Return how many took it. What begins later asks by itself.
        """
        route = Route(canary=routing.canary, decided_at=routing.changed_at)
        names = [each for batch in batches for each in (batch.workflow_id, *shards_of(batch.workflow_id, batch.total))]
        return sum(await self._each(names, lambda name: self._signal(name, None, ArticleParent.route, route)))

    async def hand_over_batches(self, colour: Colour, *, to: Colour, told: Collection[str] = ()) -> set[str]:
        """Have the colour's batches go on with workers of ``to``.

        They start nothing more. Their shards return; the articles that run are left, and joined there. Batches that a
        worker of an older generation than 5 began end where they are. ``to`` may be the colour itself: that takes back
        what another asked for. Return the ids of the runs that took it.
        """
        return await self._hand_over(colour, to, SiteBatchWorkflow.__name__, HoldableParent.hand_over, told)

    async def hand_over_articles(self, colour: Colour, *, to: Colour, told: Collection[str] = ()) -> set[str]:
        """Have the colour's articles go on with workers of ``to``.

        That is from their next stage. One that waits for the end of a hold goes at once. Return the ids of the runs
        that took it.
        """
        return await self._hand_over(colour, to, ArticleWorkflow.__name__, ArticleWorkflow.hand_over, told)

    async def hand_over_reviews(self, colour: Colour, *, to: Colour, told: Collection[str] = ()) -> set[str]:
        """Have the colour's reviews go on with workers of ``to``.

        Return the ids of the runs that took it.
        """
        return await ReviewMoves(self._client).hand_over(
            [each for each in await self._list_running(colour, ids.REVIEW_WORKFLOW) if each.run_id not in told], to=to
        )

    async def hand_over_publications(self, colour: Colour, *, to: Colour, told: Collection[str] = ()) -> set[str]:
        """Have the colour's publications go on with workers of ``to``.

        Return the ids of the runs that took it.
        """
        return await self._hand_over(colour, to, PublishWorkflow.__name__, PublishWorkflow.hand_over, told)

    async def _hand_over(
        self, colour: Colour, to: Colour, kind: str, signal: Callable[..., Any], told: Collection[str]
    ) -> set[str]:
        running = [each for each in await self._list_running(colour, kind) if each.run_id not in told]
        request = HandOver(colour=to)
        taken = await self._each(running, lambda each: self._signal(each.id, each.run_id, signal, request))
        return {each.run_id for each, is_taken in zip(running, taken, strict=True) if is_taken}

    async def move_stuck(self, colour: Colour, *, to: Colour, holds: Mapping[str, HoldState]) -> MovedWork:
        """Start anew on ``to`` what a colour without workers has.

        See ``StuckWork.move``.
        """
        return await StuckWork(self._client).move(colour, to=to, holds=holds)

    async def _signal(self, name: str, run_id: str | None, signal: Callable[..., Any], argument: object) -> bool:
        """Return whether a running workflow took the signal."""
        with translated("take the signal"):
            try:
                await self._client.get_workflow_handle(name, run_id=run_id).signal(signal, argument)
            except RPCError as error:
                if is_not_found(error):
                    return False
                raise
        return True

    async def _each(self, items: Iterable[T], work: Callable[[T], Awaitable[bool]]) -> list[bool]:
        """Do the work for all, a few at a time."""
        slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

        async def one(item: T) -> bool:
            async with slots:
                return await work(item)

        return await asyncio.gather(*map(one, items))


async def _known(request: Awaitable[T]) -> T | None:
    """Return what was asked for, None if Temporal does not say."""
    try:
        return await request
    except EngineUnavailable as error:
        log.warning("colour_not_described", error=error.message)
        return None


def _counted(running: Iterable[WorkflowExecution]) -> tuple[OpenWork, ...]:
    starts: defaultdict[WorkKind, list[datetime]] = defaultdict(list)
    for each in running:
        starts[_KINDS.get(each.workflow_type, WorkKind.OTHER)].append(each.start_time)
    return tuple(OpenWork(kind=kind, count=len(found), oldest=min(found)) for kind, found in sorted(starts.items()))


def _articles(running: Iterable[WorkflowExecution]) -> tuple[ArticleId, ...]:
    return tuple(ids.made_article(each.id) for each in running if _KINDS.get(each.workflow_type) is WorkKind.ARTICLE)
