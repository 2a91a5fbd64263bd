"""Translates a wanted schedule into Temporal's, and asks Temporal when it would run."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import (
    ListScheduleMatchingTimesRequest,
    ListScheduleMatchingTimesResponse,
)
from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleIntervalSpec,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.client import Schedule as TemporalSchedule
from temporalio.client import ScheduleOverlapPolicy as Policy
from temporalio.service import RPCError, RPCStatusCode

from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable, InputInvalid
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Calendar, Overlap, Range, Schedule

from . import ids
from .messages import SiteBatchInput
from .workflows.site_batch import SiteBatchWorkflow

POLICIES = {overlap: Policy[overlap.name] for overlap in Overlap}

_YEARS_AHEAD = 10  # for which days with a missing hour get a slot of their own; setting a schedule looks again
_PATIENCE = (0.2, 0.5, 1, 2, 4)  # seconds before asking a busy server again
_MATCHES_A_CALL = 1000  # Temporal returns no more


def as_temporal(
    site: str, schedule: Schedule, *, colour: Colour, state: ScheduleState | None = None
) -> TemporalSchedule:
    """The schedule as Temporal takes it."""
    return TemporalSchedule(
        action=ScheduleActionStartWorkflow(
            SiteBatchWorkflow.run,
            SiteBatchInput(site=site, limit=schedule.articles),
            id=ids.batch(site),
            task_queue=ids.task_queue(colour),
            static_summary=f"scheduled batch of {site}",
        ),
        spec=_spec(schedule),
        policy=SchedulePolicy(
            overlap=POLICIES[schedule.overlap],
            catchup_window=schedule.catch_up,
            pause_on_failure=schedule.pause_on_failure,
        ),
        state=state or ScheduleState(),
    )


def _spec(schedule: Schedule) -> ScheduleSpec:
    when = schedule.when
    return ScheduleSpec(
        calendars=[*_daily(schedule), *_missing_hours(schedule), *(_calendar(calendar) for calendar in when.calendars)],
        cron_expressions=list(when.cron),
        intervals=[ScheduleIntervalSpec(when.interval.every, when.interval.offset)] if when.interval else [],
        skip=[_moments(day, hour=ScheduleRange(0, 23), minute=ScheduleRange(0, 59)) for day in schedule.skip_dates],
        start_at=schedule.starts_at,
        end_at=schedule.ends_at,
        jitter=schedule.jitter or None,
        time_zone_name=schedule.time_zone,
    )


def _daily(schedule: Schedule) -> list[ScheduleCalendarSpec]:
    days = [ScheduleRange(day) for day in schedule.when.weekdays] or [ScheduleRange(0, 6)]
    return [
        ScheduleCalendarSpec(hour=[ScheduleRange(at.hour)], minute=[ScheduleRange(at.minute)], day_of_week=days)
        for at in schedule.when.times
    ]


def _missing_hours(schedule: Schedule) -> list[ScheduleCalendarSpec]:
    """A slot of its own for each day on which a wanted time does not exist."""
    zone = ZoneInfo(schedule.time_zone)
    today = datetime.now(UTC).astimezone(zone).date()
    found = []
    for day, at, _ in slots.clock_changes(schedule, today, _YEARS_AHEAD):
        if not slots.exists(day, at, zone) and slots.is_run_day(schedule, day):
            moved = slots.slot_at(day, at, zone).astimezone(zone)
            found.append(_moments(moved.date(), hour=ScheduleRange(moved.hour), minute=ScheduleRange(moved.minute)))
    return found


def _moments(day: date, *, hour: ScheduleRange, minute: ScheduleRange) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        year=[ScheduleRange(day.year)],
        month=[ScheduleRange(day.month)],
        day_of_month=[ScheduleRange(day.day)],
        hour=[hour],
        minute=[minute],
        second=[ScheduleRange(0, 59)] if hour.end > hour.start else [ScheduleRange(0)],
    )


def _calendar(calendar: Calendar) -> ScheduleCalendarSpec:
    every_day, every_month = Range(first=1, last=31), Range(first=1, last=12)
    return ScheduleCalendarSpec(
        minute=_ranges(calendar.minute or (Range(first=0, last=0),)),
        hour=_ranges(calendar.hour or (Range(first=0, last=0),)),
        day_of_month=_ranges(calendar.day_of_month or (every_day,)),
        month=_ranges(calendar.month or (every_month,)),
        day_of_week=_ranges(calendar.day_of_week or (Range(first=0, last=6),)),
        year=_ranges(calendar.year),
    )


def _ranges(values: Sequence[Range]) -> list[ScheduleRange]:
    return [ScheduleRange(each.first, each.last, each.step) for each in values]


def fingerprint(described: ScheduleDescription) -> dict[str, Any]:
    """What Temporal shows of a schedule, as it can be compared: spec, policies, queue; not its runs or its pause."""
    shown = MessageToDict(described.raw_description.schedule, preserving_proto_field_name=True)
    action = shown.get("action", {}).get("start_workflow", {})
    return {
        "spec": shown.get("spec", {}),
        "policies": shown.get("policies", {}),
        "action": {
            "workflow_id": action.get("workflow_id"),
            "workflow_type": action.get("workflow_type"),
            "task_queue": action.get("task_queue", {}).get("name"),
            "input": action.get("input"),
        },
    }


async def next_slots(client: Client, schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """The next slots in UTC. Raises InputInvalid for what Temporal cannot read."""
    async with _preview(client, schedule) as schedule_id:
        found: list[datetime] = []
        span = timedelta(days=count + 1)
        while len(found) < count and span < timedelta(days=366 * 12):
            found = await _matching(client, schedule_id, schedule, after, after + span)
            span *= 4
    return found[:count]


async def slots_between(client: Client, schedule: Schedule, first: datetime, end: datetime) -> list[datetime]:
    """Every slot in UTC from ``first`` up to but not ``end``."""
    if schedule.when.times:
        return list(slots.slots(schedule, first, end))
    async with _preview(client, schedule) as schedule_id:
        return await _matching(client, schedule_id, schedule, first, end)


async def _matching(
    client: Client, schedule_id: str, schedule: Schedule, first: datetime, end: datetime
) -> list[datetime]:
    if schedule.when.times:
        return list(slots.slots(schedule, first, end))
    found: list[datetime] = []
    while first < end:
        request = ListScheduleMatchingTimesRequest(
            namespace=client.namespace,
            schedule_id=schedule_id,
            start_time=_stamp(first - timedelta(seconds=1)),  # Temporal leaves the start itself out
            end_time=_stamp(end),
        )
        answer = await _asked(client, request)
        page = [stamp.ToDatetime(tzinfo=UTC) for stamp in answer.start_time]
        found += [at for at in page if first <= at < end]
        if len(page) < _MATCHES_A_CALL:
            break
        first = page[-1] + timedelta(seconds=1)
    return found


async def _asked(client: Client, request: ListScheduleMatchingTimesRequest) -> ListScheduleMatchingTimesResponse:
    """Ask again when the server gave the question up, as a busy one does. Raises EngineUnavailable."""
    for pause in _PATIENCE:
        try:
            return await client.workflow_service.list_schedule_matching_times(request, retry=True)
        except RPCError as error:
            if error.status is not RPCStatusCode.CANCELLED:
                raise EngineUnavailable(f"Temporal did not tell the times of a schedule: {error}") from error
        await asyncio.sleep(pause)
    raise EngineUnavailable("Temporal did not tell the times of a schedule; it is too busy, try again")


@asynccontextmanager
async def _preview(client: Client, schedule: Schedule) -> AsyncIterator[str]:
    """A paused schedule that exists as long as the block, so that Temporal itself reads the wish and tells its times.

    Raises InputInvalid with Temporal's reason when it cannot read it.
    """
    schedule_id = f"preview/{secrets.token_hex(8)}"
    wanted = as_temporal(
        "preview", schedule, colour=Colour("preview"), state=ScheduleState(paused=True, note="preview")
    )
    wanted.spec.jitter = None
    try:
        handle = await client.create_schedule(schedule_id, wanted)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise InputInvalid(
                "schedule", str(schedule.when), error.message.removeprefix("Invalid schedule spec: ")
            ) from error
        raise EngineUnavailable(f"Temporal did not read the schedule: {error}") from error
    try:
        yield schedule_id
    finally:
        await handle.delete()


def _stamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(UTC))
    return stamp
