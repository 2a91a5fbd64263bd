"""Bad days from fixed seeds: whatever happens, nothing is lost and only calls that were cut off are bought again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.chaos import trial
from bench.chaos.testbed import Testbed, open_testbed

SEEDS = (7, 8, 9, 10, 19)  # together every kind of event; a hundred: make test-long PART=chaos


@pytest.fixture(scope="module")
async def here(compiled: Path) -> AsyncIterator[Testbed]:
    async with open_testbed(compiled=compiled) as set_up:
        await set_up.ready()
        yield set_up


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_books_are_right_after_a_bad_day(seed: int, here: Testbed) -> None:
    outcome = await trial.run(seed, here)
    assert not outcome.wrong, outcome.explain()
