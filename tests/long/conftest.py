"""The long tests use the workers of tests/workflows, and the processes of tests/story."""

from collections.abc import Callable

import pytest

from tests.story.conftest import compiled, longtail, records
from tests.workflows.conftest import batches, run_worker

__all__ = ["batches", "compiled", "longtail", "records", "run_worker"]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure of the run."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(line)  # noqa: T201 - it is what the run is for

    return say
