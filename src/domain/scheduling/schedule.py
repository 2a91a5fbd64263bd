"""When a site's batches run: the desired schedule, validated.

The engine that keeps it is Temporal's.
"""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..colour import Colour
from ..time_range import TimeRange
from ..time_zone import TimeZoneName

SHORTEST_CATCH_UP = timedelta(seconds=10)  # Temporal raises anything shorter to this without a word
DEFAULT_CATCH_UP = timedelta(hours=72)
SHORTEST_INTERVAL = timedelta(minutes=1)  # that people may ask for

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # Temporal counts from Sunday, 0


class Overlap(StrEnum):
    """What happens to a slot while the last run is under way.

    The names are Temporal's.
    """

    SKIP = "skip"  # drops it; after an outage all but one slot are gone
    BUFFER_ONE = "buffer_one"  # waits, one at most
    BUFFER_ALL = "buffer_all"  # waits, in order, none lost
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"  # runs at the same time; nothing is tracked, so pause on failure never happens


class Range(BaseModel):
    """Values from ``first`` to ``last``, both inclusive, ``step`` apart."""

    model_config = ConfigDict(frozen=True)

    first: int
    last: int
    step: int = 1


class Calendar(BaseModel):
    """Moments that match every field.

    An empty field matches all of its values (minute and hour: only 0).
    """

    model_config = ConfigDict(frozen=True)

    minute: tuple[Range, ...] = ()
    hour: tuple[Range, ...] = ()
    day_of_month: tuple[Range, ...] = ()
    month: tuple[Range, ...] = ()
    day_of_week: tuple[Range, ...] = ()  # 0 is Sunday
    year: tuple[Range, ...] = ()


class Interval(BaseModel):
    """Every so often, counted from the epoch in UTC, ``offset`` later."""

    model_config = ConfigDict(frozen=True)

    every: timedelta = Field(gt=timedelta(0))
    offset: timedelta = timedelta(0)


class When(BaseModel):
    """The moments of a schedule.

    Exactly one of the four ways of saying it.
    """

    model_config = ConfigDict(frozen=True)

    times: tuple[time, ...] = ()  # each day, or on ``weekdays``
    weekdays: tuple[int, ...] = ()  # 0 is Sunday; empty is every day
    cron: tuple[str, ...] = ()  # five fields each
    calendars: tuple[Calendar, ...] = ()
    interval: Interval | None = None

    @model_validator(mode="after")
    def is_said_in_one_way(self) -> Self:
        """Refuse two ways at once, which would run at both."""
        ways = [bool(self.times), bool(self.cron), bool(self.calendars), self.interval is not None]
        if sum(ways) != 1:
            raise ValueError("say when in exactly one way: times, cron, calendar or interval")
        return self

    def __str__(self) -> str:
        if self.times:
            days = ", ".join(WEEKDAYS[day] for day in self.weekdays) or "daily"
            return f"{days} at {', '.join(f'{at:%H:%M}' for at in self.times)}"
        if self.cron:
            return "cron " + "; ".join(self.cron)
        if self.interval:
            offset = f", offset {self.interval.offset}" if self.interval.offset else ""
            return f"every {self.interval.every}{offset}"
        return "calendar " + "; ".join(_calendar_text(calendar) for calendar in self.calendars)


class Schedule(BaseModel):
    """What one site wants."""

    model_config = ConfigDict(frozen=True)

    when: When
    time_zone: TimeZoneName
    jitter: timedelta = timedelta(0)  # each start is delayed by up to this; the slot stays the nominal time
    starts_at: datetime | None = None  # UTC; nothing before
    ends_at: datetime | None = None  # UTC; nothing after
    skip_dates: tuple[date, ...] = ()  # in time_zone
    overlap: Overlap = Overlap.BUFFER_ALL
    catch_up: timedelta = Field(
        default=DEFAULT_CATCH_UP, ge=SHORTEST_CATCH_UP
    )  # slots missed by more are not caught up
    pause_on_failure: bool = False
    articles: int | None = Field(default=None, ge=1, le=10_000)  # per run; None: the site's articles_per_batch

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        """Return a schedule that ends before it starts would never run."""
        if self.starts_at and self.ends_at and self.ends_at < self.starts_at:
            raise ValueError(
                f"the end {self.ends_at:%Y-%m-%d %H:%M} is before the start {self.starts_at:%Y-%m-%d %H:%M}"
            )
        return self

    def differences(self, other: "Schedule") -> dict[str, tuple[str, str]]:
        """Return what changes from this to ``other``: by field, both in words."""
        return {
            name: (_in_words(getattr(self, name)), _in_words(getattr(other, name)))
            for name in Schedule.model_fields
            if getattr(self, name) != getattr(other, name)
        }


class Pause(BaseModel):
    """An interval in which nothing was started."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    started_at: datetime
    started_by: str
    note: str
    until: datetime | None  # when it was to resume by itself
    ended_at: datetime | None  # None: it lasts
    ended_by: str | None

    def covers(self, at: datetime) -> bool:
        """Return whether ``at`` lies in the pause."""
        return TimeRange(start=self.started_at, end=self.ended_at).covers(at)


class ScheduleVersion(BaseModel):
    """A schedule as written to Temporal, and when it was desired.

    Times are UTC.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    schedule: Schedule
    valid_from: datetime
    valid_to: datetime | None  # None: it is the desired one


class ObservedSchedule(BaseModel):
    """A site's schedule as Temporal has it. All times are UTC."""

    model_config = ConfigDict(frozen=True)

    fingerprint: dict[str, Any]  # what can be compared: spec, policies and action
    is_paused: bool
    note: str
    created_at: datetime
    next_runs: tuple[datetime, ...]  # none while it is paused or when it has ended
    recent_runs: tuple[datetime, ...]  # slots
    running: int
    buffered: int
    missed_catch_up: int
    skipped_overlap: int


class DriftKind(StrEnum):
    """How Temporal's schedule differs from the desired one."""

    MISSING = "missing"  # Temporal has none
    UNKNOWN = "unknown"  # Temporal has one that is not desired
    CHANGED = "changed"
    PAUSED = "paused"  # in Temporal alone
    RESUMED = "resumed"  # in Temporal alone


class Drift(BaseModel):
    """One difference between a desired schedule and Temporal's."""

    model_config = ConfigDict(frozen=True)

    site: str
    kind: DriftKind
    found: str  # the difference in words
    repair: str  # what making Temporal right does


class ScheduleState(BaseModel):
    """A schedule as it is desired and as Temporal has it."""

    model_config = ConfigDict(frozen=True)

    site: str
    schedule: Schedule
    colour: Colour
    pause: Pause | None  # as it was ordered here
    differs: str | None  # difference from the desired state, as found in Temporal
    next_runs: tuple[datetime, ...]  # UTC
    recent_runs: tuple[datetime, ...]  # slots, UTC
    running: int
    buffered: int
    missed_catch_up: int
    skipped_overlap: int


def _in_words(value: object) -> str:
    match value:
        case None | ():
            return "none"
        case tuple():
            return ", ".join(str(item) for item in value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case _:
            return str(value)


def _calendar_text(calendar: Calendar) -> str:
    fields = {name: getattr(calendar, name) for name in Calendar.model_fields}
    return " ".join(f"{name}={','.join(_range_text(r) for r in ranges)}" for name, ranges in fields.items() if ranges)


def _range_text(values: Range) -> str:
    span = str(values.first) if values.first == values.last else f"{values.first}-{values.last}"
    return span if values.step == 1 else f"{span}/{values.step}"
