"""One home and one Chromium for all tests of a run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.story.conftest import compiled

from .homes import Home, chromium, running_home

__all__ = ["compiled"]


@pytest.fixture(scope="session")
def home(compiled: Path) -> Iterator[Home]:
    """Longtail as ``longtail dev`` runs it."""
    with running_home(compiled) as home:
        yield home


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium."""
    async with chromium() as browser:
        yield browser
