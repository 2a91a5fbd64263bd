"""Replays histories with the workflows of today's code."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from src.infrastructure.temporal import worker as temporal_worker


def replayer(*workflows: type) -> Replayer:
    return Replayer(
        workflows=list(workflows),
        data_converter=pydantic_data_converter,
        workflow_runner=temporal_worker.strict_runner(),
        workflow_failure_exception_types=temporal_worker.FAILING_ERRORS,
    )
