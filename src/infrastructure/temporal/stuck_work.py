"""Move the workflows of a colour without workers.

Temporal cannot move a workflow, and one without a worker can do nothing itself. So each is replaced by a new run of the
same id with the same input, in one request: there is no moment in which it has no run, and the watchdog finds none
missing. What was finished is in the database, and is not made again.

The order loses nothing, wherever it breaks off. Shards go first, without a run in their place: a batch that is replaced
would have its shards cancelled, and those their articles. The batch's new run joins the articles that still run, so it
comes before them. Whoever waits for an article that is replaced finds the new run. What was moved is no longer on the
colour's queue, so that a repetition moves the rest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import (
    Priority,
    RawValue,
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
)
from temporalio.service import RPCError

from src.domain.colour import Colour
from src.domain.deployment import MovedWork
from src.domain.hold import HoldState

from . import ids
from . import search_attributes as sa
from .messages import PassedOn, SiteBatchInput
from .rpc_errors import is_not_found, translated
from .workflows.article import ArticleWorkflow
from .workflows.publish import PublishWorkflow
from .workflows.site_batch import ArticleShardWorkflow, SiteBatchWorkflow

log = structlog.get_logger()

_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_PAGE = 1000  # Temporal returns no more
_SCHEDULED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
_REASON = "no worker of its colour lives; it goes on at the other one"


class StuckWork:
    """The workflows of a colour that nobody polls."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def move(self, colour: Colour, *, to: Colour, holds: Mapping[str, HoldState]) -> MovedWork:
        """Start what is open on ``colour`` anew on ``to``.

        Safe to repeat. Return how many workflows there were. ``holds`` are the sites that are held: their articles wait
        there too. Call it only while no worker of the colour lives: a call of one that does would be bought twice.
        """
        for shard in await self._list(colour, ArticleShardWorkflow.__name__):
            await self._terminate(shard)

        async def restart(kind: str, how: Callable[[WorkflowExecution], Awaitable[bool]]) -> int:
            slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

            async def one(found: WorkflowExecution) -> bool:
                async with slots:
                    return await how(found)

            return sum(await asyncio.gather(*map(one, await self._list(colour, kind))))

        async def again(found: WorkflowExecution) -> bool:
            return await self._restart(found, to)

        async def again_held(found: WorkflowExecution) -> bool:
            site = found.typed_search_attributes.get(sa.SITE)
            return await self._restart(found, to, hold=holds.get(site or ""))

        return MovedWork(
            batches=await restart(SiteBatchWorkflow.__name__, again),
            reviews=await restart(ids.REVIEW_WORKFLOW, again),  # one may wait for an article
            articles=await restart(ArticleWorkflow.__name__, again_held),
            publications=await restart(PublishWorkflow.__name__, again),
        )

    async def _list(self, colour: Colour, kind: str) -> list[WorkflowExecution]:
        query = f"TaskQueue = '{ids.task_queue(colour)}' AND WorkflowType = '{kind}' AND ExecutionStatus = 'Running'"
        with translated("list what runs"):
            return [each async for each in self._client.list_workflows(query, page_size=_PAGE)]

    async def _terminate(self, found: WorkflowExecution) -> None:
        with translated("terminate the shard"):
            try:
                await self._client.get_workflow_handle(found.id, run_id=found.run_id).terminate(reason=_REASON)
            except RPCError as error:
                if not is_not_found(error):
                    raise

    async def _restart(self, found: WorkflowExecution, to: Colour, *, hold: HoldState | None = None) -> bool:
        """Replace the run by one on ``to``.

        It is held from its start if ``hold`` is given. Return False if it has ended or moved meanwhile.
        """
        with translated("start a workflow anew"):
            described = await self._client.get_workflow_handle(found.id).describe()
            if described.status is not WorkflowExecutionStatus.RUNNING or described.run_id != found.run_id:
                return False
            begun = await self._read_start(found)
            await self._client.start_workflow(
                found.workflow_type,
                args=await self._input(begun, described),
                id=found.id,
                task_queue=ids.task_queue(to),
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                static_summary=await described.static_summary(),
                search_attributes=_attributes(described.typed_search_attributes, to),
                priority=Priority(priority_key=begun.priority.priority_key or None),
                start_signal="hold" if hold else None,
                start_signal_args=[hold] if hold else [],
            )
        log.info("workflow_moved", workflow=found.id, to=to)
        return True

    async def _read_start(self, found: WorkflowExecution) -> WorkflowExecutionStartedEventAttributes:
        handle = self._client.get_workflow_handle(found.id, run_id=found.run_id)
        first = await anext(aiter(handle.fetch_history_events(page_size=1)))
        return first.workflow_execution_started_event_attributes

    async def _input(
        self, begun: WorkflowExecutionStartedEventAttributes, described: WorkflowExecutionDescription
    ) -> list[Any]:
        """Return what the run was started with.

        A batch takes over what it has.
        """
        payloads: Iterable[Payload] = begun.input.payloads
        if begun.workflow_type.name != SiteBatchWorkflow.__name__:
            return [RawValue(each) for each in payloads]
        (request,) = await self._client.data_converter.decode([*payloads], [SiteBatchInput])
        slot = request.slot or described.typed_search_attributes.get(_SCHEDULED_AT) or described.start_time
        return [request.model_copy(update={"slot": _utc(slot), "passed_on": request.passed_on or PassedOn()})]


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _attributes(known: TypedSearchAttributes, to: Colour) -> TypedSearchAttributes:
    """Return those of ours, with the new colour."""
    ours = (sa.SITE, sa.OUTCOME, sa.REVIEW_STATE)
    pairs = [SearchAttributePair(key, value) for key in ours if (value := known.get(key)) is not None]
    return TypedSearchAttributes([*pairs, SearchAttributePair(sa.COLOUR, to)])
