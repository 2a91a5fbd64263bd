"""Every history of every released version still replays, and a change that would break one is caught."""

from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from src.infrastructure.temporal import worker as temporal_worker
from tests.replays import HISTORIES, history, replayer

from .broken_article import SkipsTheOutline


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
