"""Waits for what another process or workflow will make true, with a deadline and no guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_SECONDS = 0.05


async def eventually(look: Callable[[], Awaitable[T]], *, within: float = 60) -> T:
    """Return the first true thing that ``look`` returns. Raises AssertionError after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not (found := await look()):
        assert time.monotonic() < deadline, f"not within {within} s: {look}"
        await asyncio.sleep(_PAUSE_SECONDS)
    return found
