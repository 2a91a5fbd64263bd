"""A hundred bad days, each from its seed: the books are right after every one, and their table is printed."""

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
async def test_a_hundred_bad_days() -> None:
    outcomes = await run(list(range(1, SEEDS + 1)))
    print(table(outcomes))  # noqa: T201 - it is what the run is for
    assert [outcome.explain() for outcome in outcomes if outcome.wrong] == []
