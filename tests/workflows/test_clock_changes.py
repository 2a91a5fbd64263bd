"""What the real Temporal does with our schedules when clocks change, in three zones, one of them southern."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, ScheduleState

from src.domain.colour import Colour
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Schedule, When
from src.infrastructure.temporal import schedule_spec


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("at", [time(1, 30), time(2, 30), time(6, 0)], ids=str)
async def test_temporal_starts_our_slots_and_else_only_repeats_that_get_no_batch(
    client: Client, colour: Colour, zone: str, at: time
) -> None:
    schedule = Schedule(when=When(times=(at,)), time_zone=zone)
    first = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = datetime(2028, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    started = await _matching_times(client, colour, schedule, first, end)
    wanted = list(slots.slots(schedule, first, end))
    assert [at for at in started if not slots.is_repeat(schedule, at)] == wanted
    assert len(started) - len(wanted) <= 1


async def _matching_times(
    client: Client, colour: Colour, schedule: Schedule, first: datetime, end: datetime
) -> list[datetime]:
    paused = schedule_spec.as_temporal(colour, schedule, colour=colour, state=ScheduleState(paused=True))
    handle = await client.create_schedule(f"matching/{colour}", paused)
    start, stop = Timestamp(), Timestamp()
    start.FromDatetime(first)
    stop.FromDatetime(end - timedelta(seconds=1))
    answer = await client.workflow_service.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=client.namespace, schedule_id=handle.id, start_time=start, end_time=stop
        )
    )
    await handle.delete()
    return [stamp.ToDatetime(tzinfo=UTC) for stamp in answer.start_time]
