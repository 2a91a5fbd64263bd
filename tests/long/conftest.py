"""The long tests use the workers of tests/workflows."""

from tests.workflows.conftest import run_worker

__all__ = ["run_worker"]
