"""Waits for proof that a workflow and its children wait for a signal: then nothing more can happen by itself."""

from temporalio.client import Client, WorkflowExecutionStatus

from tests.eventually import eventually


async def until_settled(client: Client, workflow_id: str) -> None:
    """Wait until Temporal has no task left for the workflow and all below it."""

    async def is_settled() -> bool:
        return await _is_settled(client, workflow_id, None)

    await eventually(is_settled)


async def _is_settled(client: Client, workflow_id: str, run_id: str | None) -> bool:
    """Return whether the workflow runs without any task that is due.

    A parent is asked before its children. So a child that ends in between is found ended, and counts as not settled.
    """
    described = await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
    raw = described.raw_description
    if described.status is not WorkflowExecutionStatus.RUNNING or raw.HasField("pending_workflow_task"):
        return False
    if raw.pending_activities or not all(child.run_id for child in raw.pending_children):
        return False
    return all([await _is_settled(client, child.workflow_id, child.run_id) for child in raw.pending_children])
