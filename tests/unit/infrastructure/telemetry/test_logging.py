"""Log lines name what runs by the same fields, whoever writes them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from src.infrastructure.telemetry import logging as configured


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_lines_of_temporal_have_our_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configured.configure(level="INFO", as_json=True)
    told = {"workflow_id": "article/1", "run_id": "r", "attempt": 1, "namespace": "default", "task_queue": "q"}
    logging.getLogger("temporalio.workflow").warning("decision_heard", extra={"temporal_workflow": told})
    activity = {"workflow_id": "review/1", "workflow_run_id": "r2", "attempt": 3}
    with bound_contextvars(workflow_id="review/1", stage="C"):
        logging.getLogger("temporalio.activity").warning("completing", extra={"temporal_activity": activity})
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["event"], first["workflow_id"], first["run_id"]) == ("decision_heard", "article/1", "r")
    assert not {"temporal_workflow", "namespace", "task_queue"} & first.keys()
    assert (second["workflow_id"], second["run_id"], second["attempt"], second["stage"]) == ("review/1", "r2", 3, "C")


def test_people_get_lines_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    configured.configure(level="INFO", as_json=False)
    structlog.get_logger().info("worker_started", colour="blue")
    line = capsys.readouterr().err
    assert "worker_started" in line
    assert not line.startswith("{")
