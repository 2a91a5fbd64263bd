"""Reads the generation of the worker that began a run."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from ..generation import generation_of


def first_generation() -> int:
    """Return the generation of the worker that runs this task.

    Call it in a run's first task. A replay, also by a worker of another build, gets what the history records.
    """
    version = workflow.info().get_current_deployment_version()
    return generation_of(version.build_id if version else None)
