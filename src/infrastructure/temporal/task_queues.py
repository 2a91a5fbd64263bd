"""Who polls a colour's queue right now."""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from src.domain.colour import Colour

from . import ids


async def has_pollers(client: Client, colour: Colour) -> bool:
    """Whether a worker of this colour polled within the last minutes, as Temporal remembers it."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=ids.task_queue(colour)),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return bool(described.pollers)
