"""Use cases that a worker's activities call.

The composition root hands them in.
"""

from datetime import datetime
from typing import Protocol


class WatchdogUseCase(Protocol):
    """Checks the slots of all sites."""

    async def run(self) -> int:
        """Check every site once. Return how many alerts are new."""
        ...


class ResumeUseCase(Protocol):
    """Ends pauses at their time."""

    async def resume(self, site: str, *, note: str, due: datetime | None = None) -> bool:
        """End the site's pause if it was to end at ``due`` (UTC).

        Return whether it did.
        """
        ...
