"""The slots of schedules, without asking Temporal for the same ones every minute."""

from bisect import bisect_left
from datetime import datetime, timedelta

from temporalio.client import Client

from src.domain.scheduling.schedule import Schedule
from src.domain.time_range import TimeRange

from . import schedule_spec

_AHEAD = timedelta(days=1)  # asked for beyond what is wanted now, so that the next looks find it here


class ScheduleTimes:
    """Answers from what it read before; only clock times are counted without Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._pages: dict[str, tuple[TimeRange, list[datetime]]] = {}

    async def between(self, schedule: Schedule, first: datetime, end: datetime) -> list[datetime]:
        """Every slot in UTC from ``first`` up to but not ``end``."""
        if schedule.when.times:
            return await schedule_spec.slots_between(self._client, schedule, first, end)
        _, slots = await self._page(schedule, first, end)
        return slots[bisect_left(slots, first) : bisect_left(slots, end)]

    async def _page(self, schedule: Schedule, first: datetime, end: datetime) -> tuple[TimeRange, list[datetime]]:
        key = schedule.model_dump_json()
        known = self._pages.get(key)
        if known and known[0].start <= first and known[0].end is not None and end <= known[0].end:
            return known
        span = TimeRange(start=first, end=end + _AHEAD)
        page = span, await schedule_spec.slots_between(self._client, schedule, first, end + _AHEAD)
        self._pages[key] = page
        return page
