"""Takes over from dead workers, whose articles then go on at once.

Without this Temporal waits for the heartbeat timeout of each activity that the worker held, and for the timeout of the
task queue of the workflows that it had cached.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, ResetStickyTaskQueueRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import WorkerRecord

from . import ids
from .rpc_errors import is_not_found

log = structlog.get_logger()

_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
_CANCELLING = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED  # and the worker has not answered
_AT_ONCE = timedelta(milliseconds=1)


class TakeOver:
    """Ends what Temporal believes a dead worker is doing."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._database = database
        self._slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

    async def run(self, dead: WorkerRecord) -> None:
        """Fail the worker's activities and reset its sticky queues.

        The activities are retried at once. Safe to repeat and to run on several workers at once: a second attempt of a
        call waits for the first one, or writes it off. Raises what the database and Temporal raise.
        """
        async with self._database.unit_of_work() as uow:
            held = await uow.model_calls.list_articles_held(dead.instance)
            unfinished = [article_id for _, article_id in await uow.articles.list_ids_unfinished()]
            batches = [batch.workflow_id for batch in await uow.batches.list_running()]
        articles = [ids.article(article_id) for article_id in dict.fromkeys([*held, *unfinished])]
        failed = await self._for_each([*articles, *batches], dead.instance)
        await self._database.run_autocommit(lambda uow: uow.workers.mark_taken_over(dead.instance))
        log.warning("worker_taken_over", worker=dead.instance, pid=dead.pid, activities=failed)

    async def _for_each(self, workflow_ids: Iterable[str], instance: str) -> int:
        return sum(await asyncio.gather(*(self._take(workflow_id, instance) for workflow_id in workflow_ids)))

    async def _take(self, workflow_id: str, instance: str) -> int:
        """Return how many activities of the workflow the worker held."""
        execution = WorkflowExecution(workflow_id=workflow_id)
        service, namespace = self._client.workflow_service, self._client.namespace
        async with self._slots:
            try:
                described = await service.describe_workflow_execution(
                    DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution)
                )
                execution.run_id = described.workflow_execution_info.execution.run_id
                held = [activity for activity in described.pending_activities if _is_held(activity, instance)]
                for activity in held:
                    await self._end(execution, activity, instance)
                await service.reset_sticky_task_queue(
                    ResetStickyTaskQueueRequest(namespace=namespace, execution=execution)
                )
            except RPCError as error:
                if is_not_found(error):  # it has ended, or not begun
                    return 0
                raise
        return len(held)

    async def _end(self, execution: WorkflowExecution, activity: PendingActivityInfo, instance: str) -> None:
        """Fail the activity, or report it cancelled if somebody asked for that."""
        handle = self._client.get_async_activity_handle(
            workflow_id=execution.workflow_id, run_id=execution.run_id, activity_id=activity.activity_id
        )
        error = ApplicationError(f"worker {instance} ended", type="WorkerDied", next_retry_delay=_AT_ONCE)
        try:
            if activity.state == _CANCELLING:
                await handle.report_cancellation()
            else:
                await handle.fail(error)
        except RPCError as ended:
            if not is_not_found(ended):
                raise


def _is_held(activity: PendingActivityInfo, instance: str) -> bool:
    """Return whether Temporal waits for this worker."""
    return activity.state in (_STARTED, _CANCELLING) and activity.last_worker_identity == instance
