"""Starts, cancels, signals and observes workflows of batches and articles.

Domain values in and out. What Temporal raises becomes an error of ``domain.errors`` here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from src.domain.alert import StuckWorkflow, WorkflowRun
from src.domain.article import ArticleRef, ArticleStatus
from src.domain.batch import Batch, Trigger
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason
from src.domain.hold import HoldState
from src.domain.ids import ArticleId
from src.domain.probe import PROBE_SITE
from src.domain.review import DecisionId

from . import ids, policies
from . import search_attributes as sa
from .messages import PublishArticle, ReviewInput, SiteBatchInput
from .rpc_errors import is_not_found, translated
from .workflows.article import ArticleWorkflow
from .workflows.hold import HoldableWorkflow
from .workflows.publish import PublishWorkflow
from .workflows.review import ReviewWorkflow
from .workflows.site_batch import SiteBatchWorkflow

_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_PAGE = 1000  # Temporal returns no more
_STUCK = (
    f"{sa.REPORTED_PROBLEMS.name} IN ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut') "
    "AND ExecutionStatus = 'Running'"
)


class WorkflowGateway:
    """Workflows of batches and articles, as Temporal knows them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # --- batches

    async def start_batch(self, site: str, slot: datetime, *, limit: int | None, force: bool, colour: Colour) -> str:
        """Start the batch of ``slot`` (UTC) and return its workflow id.

        ``limit`` None leaves the number of articles to the site. Raises Conflict when the slot is running.
        """
        request = SiteBatchInput(site=site, slot=slot, trigger=Trigger.MANUAL, limit=limit, force=force)
        workflow_id = ids.batch_run(site, slot)
        try:
            with translated("start the batch"):
                await self._client.start_workflow(
                    SiteBatchWorkflow.run,
                    request,
                    id=workflow_id,
                    task_queue=ids.task_queue(colour),
                    static_summary=f"batch of {site}, started by hand",
                )
        except WorkflowAlreadyStartedError as error:
            raise Conflict(ConflictReason.SLOT_RUNNING, site, slot=f"{slot:%Y-%m-%d %H:%M:%S} UTC") from error
        return workflow_id

    async def wait_for_batch(self, workflow_id: str) -> str | None:
        """Wait until the batch's workflow ends.

        Return why it failed, None if it did not.
        """
        with translated("return the batch's result"):
            try:
                await self._client.get_workflow_handle(workflow_id).result()
            except WorkflowFailureError as error:
                return str(error.cause)
        return None

    async def cancel_batch(self, workflow_id: str, run_id: str) -> bool:
        """Request cancellation of the batch's run.

        That is the run that goes on with it, if it passed it on. Return whether one is running.
        """
        run = await self._find_run(workflow_id, run_id)
        latest = None if run is not None and run.goes_on else run_id
        if not await self.is_running(workflow_id, latest):  # Temporal takes the request for a closed run as well
            return False
        return await _is_taken(
            self._client.get_workflow_handle(workflow_id, run_id=latest).cancel(), "cancel the batch"
        )

    async def is_running(self, workflow_id: str, run_id: str | None = None) -> bool:
        """Return whether the run, by default the latest, is running."""
        run = await self._find_run(workflow_id, run_id)
        return run is not None and run.is_running

    # --- what runs

    async def find_runs(self, workflow_ids: Iterable[str]) -> dict[str, WorkflowRun]:
        """Return the latest run of each workflow that Temporal knows.

        Those that its list of running workflows has are taken from there; it lags behind a moment. The others are asked
        for by name.
        """
        running = await self._list_running()
        wanted = set(workflow_ids)
        slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

        async def find(workflow_id: str) -> tuple[str, WorkflowRun | None]:
            async with slots:
                return workflow_id, await self._find_run(workflow_id)

        asked = await asyncio.gather(*map(find, wanted - running.keys()))
        listed = {workflow_id: running[workflow_id] for workflow_id in wanted & running.keys()}
        return listed | {workflow_id: run for workflow_id, run in asked if run}

    async def _list_running(self) -> dict[str, WorkflowRun]:
        types = f"'{SiteBatchWorkflow.__name__}', '{ArticleWorkflow.__name__}'"
        query = f"WorkflowType IN ({types}) AND ExecutionStatus = 'Running'"
        with translated("list what runs"):
            return {
                each.id: WorkflowRun(started_at=each.start_time, is_running=True)
                async for each in self._client.list_workflows(query, page_size=_PAGE)
            }

    async def _find_run(self, workflow_id: str, run_id: str | None = None) -> WorkflowRun | None:
        with translated("describe the workflow"):
            try:
                described = await self._client.get_workflow_handle(workflow_id, run_id=run_id).describe()
            except RPCError as error:
                if is_not_found(error):
                    return None
                raise
        is_running = described.status is WorkflowExecutionStatus.RUNNING
        goes_on = described.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        return WorkflowRun(started_at=described.start_time, is_running=is_running, goes_on=goes_on)

    async def list_stuck(self, colour: Colour | None = None) -> list[StuckWorkflow]:
        """Return the workflows whose tasks fail again and again.

        Those of a colour, or of all. Temporal says so after five failures in a row.
        """
        query = _STUCK if colour is None else f"{_STUCK} AND TaskQueue = '{ids.task_queue(colour)}'"
        with translated("list workflows with failing tasks"):
            return [
                StuckWorkflow(
                    workflow_id=each.id,
                    site=each.typed_search_attributes.get(sa.SITE),
                    problems=tuple(each.typed_search_attributes.get(sa.REPORTED_PROBLEMS, ())),
                )
                async for each in self._client.list_workflows(query, page_size=_PAGE)
                if each.typed_search_attributes.get(sa.SITE) != PROBE_SITE
            ]

    # --- articles

    async def start_article(self, article: ArticleRef, *, colour: Colour, hold: HoldState) -> None:
        """Run the article's workflow, held from its start if ``hold`` is given.

        One that is running is left as it is.
        """
        with translated("start the article"):
            await self._client.start_workflow(
                ArticleWorkflow.run,
                article,
                id=ids.article(article.article_id),
                task_queue=ids.task_queue(colour),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{article.keyword} (retried)",
                search_attributes=TypedSearchAttributes(
                    [SearchAttributePair(sa.SITE, article.site), SearchAttributePair(sa.COLOUR, colour)]
                ),
                start_signal="hold" if hold.depth else None,
                start_signal_args=[hold] if hold.depth else [],
            )

    async def terminate_articles(self, article_ids: Iterable[ArticleId], *, reason: str) -> int:
        """Terminate the articles' workflows, which then record nothing; return how many ran."""
        handles = (self._client.get_workflow_handle(ids.article(article_id)) for article_id in article_ids)
        return await _count_taken((handle.terminate(reason=reason) for handle in handles), "terminate the articles")

    async def wait_for_article(self, article_id: ArticleId, *, within: timedelta) -> bool:
        """Wait for the end of the article's workflow, however it ends.

        Return whether it came in time.
        """
        with translated("return the article's result"), suppress(WorkflowFailureError):
            try:
                async with asyncio.timeout(within.total_seconds()):
                    await self._client.get_workflow_handle(ids.article(article_id)).result()
            except TimeoutError:
                return False
        return True

    async def end_probes(self, article_ids: Iterable[ArticleId]) -> None:
        """Terminate what runs of these probes.

        A version before begins a review of one as well.
        """
        names = [name for each in article_ids for name in (ids.article(each), ids.review(each))]
        handles = (self._client.get_workflow_handle(name) for name in names)
        await _count_taken((handle.terminate(reason="the probe is over") for handle in handles), "end the probe")

    # --- reviews

    async def begin_review(
        self, article_id: ArticleId, *, site: str, keyword: str, colour: Colour, remind_after: timedelta
    ) -> None:
        """Start the review of a text, unless it runs.

        One that runs looks at the rows. Its first task comes with the reminder, or before that with a decision: until
        then it has none, and no worker holds it (docs/decisions/0019).
        """
        review = self._review(article_id, site=site, keyword=keyword, colour=colour)
        try:
            with translated("start the review"):
                await review(start_delay=remind_after)
        except WorkflowAlreadyStartedError:
            with translated("take the signal"):
                await review(start_signal="text_is_ready", id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING)

    async def start_review(self, article_id: ArticleId, *, site: str, keyword: str, colour: Colour) -> bool:
        """Start the article's review at once; return False if it runs."""
        try:
            with translated("start the review"):
                await self._review(article_id, site=site, keyword=keyword, colour=colour)()
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def signal_review(
        self, article_id: ArticleId, decision_id: DecisionId, *, site: str, keyword: str, colour: Colour
    ) -> None:
        """Inform the article's review of a decision; start it if need be.

        ``colour`` is whose queue a new one takes. A signal by itself would not wake one whose first task is still to
        come.
        """
        with translated("take the signal"):
            await self._review(article_id, site=site, keyword=keyword, colour=colour)(
                start_signal="decided",
                start_signal_args=[str(decision_id)],
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )

    def _review(
        self, article_id: ArticleId, *, site: str, keyword: str, colour: Colour
    ) -> Callable[..., Awaitable[Any]]:
        return partial(
            self._client.start_workflow,
            ReviewWorkflow.run,
            ReviewInput(article_id=article_id, site=site, keyword=keyword),
            id=ids.review(article_id),
            task_queue=ids.task_queue(colour),
            static_summary=keyword,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(sa.SITE, site),
                    SearchAttributePair(sa.COLOUR, colour),
                    SearchAttributePair(sa.REVIEW_STATE, ArticleStatus.NEEDS_REVIEW),
                ]
            ),
        )

    async def find_reviews(self, article_ids: Iterable[ArticleId]) -> set[ArticleId]:
        """Return those of the articles whose reviews run.

        Each is asked for by name.
        """
        slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

        async def runs(article_id: ArticleId) -> tuple[ArticleId, bool]:
            async with slots:
                return article_id, await self.is_running(ids.review(article_id))

        return {article_id for article_id, is_running in await asyncio.gather(*map(runs, article_ids)) if is_running}

    # --- publications

    async def start_publishing(self, article_id: ArticleId, *, site: str, colour: Colour, is_new: bool = True) -> None:
        """Run the workflow of the article's publications.

        If one runs, it looks again where something ``is_new``.
        """
        with translated("start publishing"):
            await self._client.start_workflow(
                PublishWorkflow.run,
                PublishArticle(article_id=article_id),
                id=ids.publish(article_id),
                task_queue=ids.task_queue(colour),
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"publications of an article of {site}",
                search_attributes=TypedSearchAttributes(
                    [SearchAttributePair(sa.SITE, site), SearchAttributePair(sa.COLOUR, colour)]
                ),
                start_signal="look_again" if is_new else None,
            )

    async def wake_publications(self, article_id: ArticleId) -> bool:
        """Let the workflow of the article's publications look again.

        Return whether one runs."""
        handle = self._client.get_workflow_handle(ids.publish(article_id))
        return await _is_taken(handle.signal(PublishWorkflow.look_again), "look again")

    # --- holds

    async def signal_batches(self, batches: Iterable[Batch], states: Mapping[str, HoldState]) -> int:
        """Signal each batch and its shards the state of its site.

        Return how many took the signal.
        """
        return await self._signal(
            (workflow_id, states[batch.site])
            for batch in batches
            for workflow_id in (batch.workflow_id, *shards_of(batch.workflow_id, batch.total))
        )

    async def signal_articles(self, articles: Iterable[tuple[str, ArticleId]], states: Mapping[str, HoldState]) -> int:
        """Signal each article, given with its site, that site's state.

        Return how many took the signal.
        """
        return await self._signal((ids.article(article_id), states[site]) for site, article_id in articles)

    async def _signal(self, states: Iterable[tuple[str, HoldState]]) -> int:
        signals = (
            self._client.get_workflow_handle(workflow_id).signal(HoldableWorkflow.hold, state)
            for workflow_id, state in states
        )
        return await _count_taken(signals, "take the signal")

    # --- the server and its workers

    async def answers(self, *, within: timedelta) -> bool:
        """Return whether Temporal answers in time."""
        try:
            return await self._client.service_client.check_health(timeout=within)
        except RPCError:
            return False

    async def has_workers(self, colour: Colour) -> bool:
        """Return whether a worker of this colour polled recently.

        Temporal remembers the pollers of the last minutes.
        """
        with translated("describe the task queue"):
            described = await self._client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self._client.namespace,
                    task_queue=TaskQueue(name=ids.task_queue(colour)),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                )
            )
        return bool(described.pollers)


async def _is_taken(request: Awaitable[None], doing: str) -> bool:
    """Return whether a running workflow took the request."""
    with translated(doing):
        try:
            await request
        except RPCError as error:
            if is_not_found(error):
                return False
            raise
    return True


async def _count_taken(requests: Iterable[Awaitable[None]], doing: str) -> int:
    """Send all, a few at a time.

    Return how many running workflows took one.
    """
    slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

    async def send(request: Awaitable[None]) -> bool:
        async with slots:
            return await _is_taken(request, doing)

    return sum(await asyncio.gather(*map(send, requests)))


def shards_of(workflow_id: str, articles: int) -> list[str]:
    """Return the workflow ids of a batch's shards."""
    if articles <= policies.SHARD_SIZE:
        return []
    return [ids.shard(workflow_id, first) for first in range(0, articles, policies.SHARD_SIZE)]
