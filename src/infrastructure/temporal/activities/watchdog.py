"""Runs the watchdog's check of all sites."""

from temporalio import activity

from src.domain.scheduling.ports import WatchdogUseCase


class WatchdogActivities:
    """The watchdog as a workflow runs it."""

    def __init__(self, watchdog: WatchdogUseCase) -> None:
        self._watchdog = watchdog

    @activity.defn
    async def look(self) -> int:
        """Check every site once. Return how many alerts are new."""
        return await self._watchdog.run()
