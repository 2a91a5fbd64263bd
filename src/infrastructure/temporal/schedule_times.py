"""The slots of schedules.

Clock times are counted here, all others by Temporal itself.
"""

import asyncio
import secrets
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest, ListScheduleMatchingTimesResponse
from temporalio.client import Client, ScheduleState
from temporalio.service import RPCError, RPCStatusCode

from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable, InputInvalid
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Schedule
from src.domain.time_range import TimeRange

from .rpc_errors import translated
from .schedule_spec import as_temporal

_RETRY_DELAYS = (0.2, 0.5, 1, 2, 4)  # seconds before asking a busy server again
_MATCHES_A_CALL = 1000  # Temporal returns no more
_AHEAD = timedelta(days=1)  # read beyond what is asked for, so that the next watchdog runs find it here
_FARTHEST = timedelta(days=366 * 12)  # ahead, in which the next slot is searched


class ScheduleTimes:
    """Lists slots, and keeps what Temporal listed.

    Temporal is then not asked for the same slots every minute.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._pages: dict[str, tuple[TimeRange, list[datetime]]] = {}

    async def list_next(self, schedule: Schedule, after: datetime, count: int) -> list[datetime]:
        """Return the next slots in UTC, read by Temporal.

        Raises InputInvalid for what it cannot read.
        """
        async with self._preview(schedule) as schedule_id:
            found: list[datetime] = []
            span = timedelta(days=count + 1)
            while len(found) < count and span < _FARTHEST:
                found = await self._list_matching(schedule_id, schedule, after, after + span)
                span *= 4
        return found[:count]

    async def list_between(self, schedule: Schedule, first: datetime, end: datetime) -> list[datetime]:
        """Return every slot in UTC from ``first`` up to but not ``end``."""
        if schedule.when.times:
            return list(slots.slots(schedule, first, end))
        page = await self._read_page(schedule, first, end)
        return page[bisect_left(page, first) : bisect_left(page, end)]

    async def _read_page(self, schedule: Schedule, first: datetime, end: datetime) -> list[datetime]:
        key = schedule.model_dump_json()
        known = self._pages.get(key)
        if known and known[0].start <= first and known[0].end is not None and end <= known[0].end:
            return known[1]
        async with self._preview(schedule) as schedule_id:
            page = await self._list_matching(schedule_id, schedule, first, end + _AHEAD)
        self._pages[key] = TimeRange(start=first, end=end + _AHEAD), page
        return page

    async def _list_matching(
        self, schedule_id: str, schedule: Schedule, first: datetime, end: datetime
    ) -> list[datetime]:
        if schedule.when.times:
            return list(slots.slots(schedule, first, end))
        found: list[datetime] = []
        while first < end:
            request = ListScheduleMatchingTimesRequest(
                namespace=self._client.namespace,
                schedule_id=schedule_id,
                start_time=_stamp(first - timedelta(seconds=1)),  # Temporal leaves the start itself out
                end_time=_stamp(end),
            )
            page = [stamp.ToDatetime(tzinfo=UTC) for stamp in (await self._request(request)).start_time]
            found += [at for at in page if first <= at < end]
            if len(page) < _MATCHES_A_CALL:
                break
            first = page[-1] + timedelta(seconds=1)
        return found

    async def _request(self, request: ListScheduleMatchingTimesRequest) -> ListScheduleMatchingTimesResponse:
        """Send the request, again when a busy server cancelled it. Raises EngineUnavailable."""
        for delay in _RETRY_DELAYS:
            with translated("list the times of a schedule"):
                try:
                    return await self._client.workflow_service.list_schedule_matching_times(request, retry=True)
                except RPCError as error:
                    if error.status is not RPCStatusCode.CANCELLED:
                        raise
            await asyncio.sleep(delay)
        raise EngineUnavailable("Temporal did not list the times of a schedule; it is too busy, try again")

    @asynccontextmanager
    async def _preview(self, schedule: Schedule) -> AsyncIterator[str]:
        """Yield the id of a temporary, paused schedule.

        Temporal itself reads the specification.

        Raises InputInvalid with Temporal's reason when it cannot read it.
        """
        schedule_id = f"preview/{secrets.token_hex(8)}"
        state = ScheduleState(paused=True, note="preview")
        desired = as_temporal("preview", schedule, colour=Colour("preview"), state=state)
        desired.spec.jitter = None
        with translated("read the schedule"):
            try:
                handle = await self._client.create_schedule(schedule_id, desired)
            except RPCError as error:
                if error.status is RPCStatusCode.INVALID_ARGUMENT:
                    problem = error.message.removeprefix("Invalid schedule spec: ")
                    raise InputInvalid("schedule", str(schedule.when), problem) from error
                raise
        try:
            yield schedule_id
        finally:
            with translated("delete a preview"):
                await handle.delete()


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(UTC))
    return stamp
