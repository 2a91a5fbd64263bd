"""One home and one Chromium for all tests of a run."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.story.conftest import compiled

from .days import FAILS, Day, lived_in
from .homes import Home, chromium, running_home

__all__ = ["compiled"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let one ask for the table of what pages weigh."""
    parser.addoption("--weights", metavar="FILE", help="where to write what each page of the desk weighs")


@pytest.fixture(scope="session")
def home(compiled: Path) -> Iterator[Home]:
    """Longtail as ``longtail dev`` runs it."""
    with running_home(compiled, LONGTAIL_FAIL_KEYWORDS=FAILS) as home:
        yield home


@pytest.fixture(scope="session")
def day(home: Home) -> Day:
    """A day of use, which tests look at; what they change is other articles."""
    return lived_in(home)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Headless Chromium."""
    async with chromium() as browser:
        yield browser
