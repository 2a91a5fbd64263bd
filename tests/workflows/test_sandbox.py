"""Tests and replay run workflows in a sandbox that refuses what a replay could not repeat."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError

from src.domain.colour import Colour
from src.infrastructure.temporal import worker as temporal_worker
from src.infrastructure.temporal import workflows

from .impure import IMPURE

MODULES = sorted(Path(workflows.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("impure", IMPURE, ids=lambda impure: impure.__name__)
async def test_a_workflow_that_could_not_be_replayed_is_refused(impure: type, client: Client, colour: Colour) -> None:
    worker = Worker(
        client,
        task_queue=colour,
        workflows=[impure],
        workflow_runner=temporal_worker.strict_runner(),
        workflow_failure_exception_types=[RestrictedWorkflowAccessError],  # else its task would be retried for ever
    )
    async with worker:
        with pytest.raises(WorkflowFailureError) as failed:
            await client.execute_workflow(
                impure.__name__, id=f"impure-{colour}", task_queue=colour, run_timeout=timedelta(seconds=20)
            )
    assert "Cannot access" in str(failed.value.cause)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_no_workflow_module_is_passed_through_by_another(module: Path) -> None:
    passed = [
        node
        for block in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(block, ast.With)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    ]
    siblings = [node.module for node in passed if node.level == 1 or "workflows" in (node.module or "")]
    assert siblings == []
