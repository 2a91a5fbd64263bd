"""Every history of every released version still replays, and a change that would break one is caught."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.workflow import NondeterminismError

from src.infrastructure.temporal import worker as temporal_worker
from tests.replays import replayer

from .broken_article import SkipsTheOutline

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(file: Path) -> WorkflowHistory:
    """Read the file under the workflow's own id, from which those of its children are spelled."""
    events = json.loads(file.read_text(encoding="utf-8"))
    workflow_id = events["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return WorkflowHistory.from_json(workflow_id, events)


def test_there_is_a_history_of_each_workflow_type() -> None:
    types = {
        event.workflow_execution_started_event_attributes.workflow_type.name
        for file in HISTORIES
        for event in history(file).events[:1]
    }
    assert types == {workflow_type.__name__ for workflow_type in temporal_worker.WORKFLOWS}


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_a_stored_history_replays(file: Path) -> None:
    await replayer(*temporal_worker.WORKFLOWS).replay_workflow(history(file))


@pytest.mark.parametrize(
    "file", [file for file in HISTORIES if "-article-needs" in file.stem], ids=lambda file: file.stem
)
async def test_a_broken_workflow_fails_the_replay(file: Path) -> None:
    with pytest.raises(NondeterminismError):
        await replayer(SkipsTheOutline).replay_workflow(history(file))
