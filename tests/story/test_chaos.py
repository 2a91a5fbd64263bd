"""Bad days from fixed seeds: whatever happens, nothing is lost and only calls that were cut off are bought again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.chaos import trial
from bench.chaos.ground import Ground, ground

SEEDS = (10,)  # more of them: make test-long PART=chaos


@pytest.fixture(scope="module")
async def here(compiled: Path) -> AsyncIterator[Ground]:
    async with ground(compiled=compiled) as set_up:
        await set_up.ready()
        yield set_up


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_books_are_right_after_a_bad_day(seed: int, here: Ground) -> None:
    outcome = await trial.run(seed, here)
    assert not outcome.wrong, outcome.explain()
