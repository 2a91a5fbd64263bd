"""Translates a schedule into Temporal's, and describes Temporal's for comparison."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.json_format import MessageToDict
from temporalio.client import Schedule as TemporalSchedule
from temporalio.client import (
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleIntervalSpec,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.client import ScheduleOverlapPolicy as Policy

from src.domain.colour import Colour
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Calendar, Overlap, Range, Schedule

from . import ids
from .messages import SiteBatchInput
from .workflows.site_batch import SiteBatchWorkflow

POLICIES = {overlap: Policy[overlap.name] for overlap in Overlap}

_YEARS_AHEAD = (
    10  # for which days with a missing hour get a slot of their own; each write of a schedule computes them again
)


def as_temporal(
    site: str, schedule: Schedule, *, colour: Colour, state: ScheduleState | None = None
) -> TemporalSchedule:
    """Return the schedule as Temporal takes it."""
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
    """Return calendars of days on which clocks skip a time."""
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
    """Return what can be compared: spec, policies and action.

    Not its runs or its pause.
    """
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
