"""Replays histories with the workflows of today's code."""

import json
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from src.infrastructure.temporal import worker as temporal_worker

HISTORIES = sorted((Path(__file__).parent / "workflows" / "histories").glob("*.json"))


def history(file: Path) -> WorkflowHistory:
    """Read the file under the workflow's own id, from which those of its children are spelled."""
    events = json.loads(file.read_text(encoding="utf-8"))
    workflow_id = events["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return WorkflowHistory.from_json(workflow_id, events)


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=list(workflows),
        data_converter=pydantic_data_converter,
        workflow_runner=temporal_worker.strict_runner(),
        workflow_failure_exception_types=temporal_worker.FAILING_ERRORS,
    )
