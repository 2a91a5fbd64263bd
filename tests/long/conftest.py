"""The long tests use the workers of tests/workflows, and the processes of tests/story."""

from tests.story.conftest import compiled, longtail
from tests.workflows.conftest import batches, run_worker

__all__ = ["batches", "compiled", "longtail", "run_worker"]
