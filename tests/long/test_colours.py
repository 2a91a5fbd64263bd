"""A hundred bad days with deployments among their faults: workers of two colours, and the books right after each."""

from collections.abc import Iterator

import pytest

from bench.chaos.__main__ import run
from bench.chaos.tables import table

SEEDS = 100


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Let through what is printed."""
    with capsys.disabled():
        yield


@pytest.mark.usefixtures("shown")
async def test_a_hundred_bad_days_of_deployments() -> None:
    outcomes = await run(list(range(1, SEEDS + 1)), colours=True)
    print(table(outcomes))  # noqa: T201 - it is what the run is for
    assert [outcome.explain() for outcome in outcomes if outcome.wrong] == []
