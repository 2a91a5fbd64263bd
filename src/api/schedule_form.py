"""A schedule as a request describes it, within bounds."""

from datetime import date, time, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from src.domain.scheduling.schedule import (
    DEFAULT_CATCH_UP,
    SHORTEST_CATCH_UP,
    SHORTEST_INTERVAL,
    Overlap,
)
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.time_zone import TimeZoneName

from .values import Body, Moment, WhichColour

_YEAR = timedelta(days=366)
_CRON = r"^[0-9A-Za-z*/,#?-]{1,40}( [0-9A-Za-z*/,#?-]{1,40}){4}$"


def _on_the_minute(at: time) -> time:
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError("write hour and minute alone, as 06:00; the schedule has a time zone")
    return at


ClockTime = Annotated[time, AfterValidator(_on_the_minute)]
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2200, 1, 1))]


class Steps(Body):
    """Values from ``first`` to ``last``, both inclusive, ``step`` apart."""

    first: int = Field(ge=0, le=2999)
    last: int = Field(ge=0, le=2999)
    step: int = Field(default=1, ge=1, le=60)


Ranges = Annotated[tuple[Steps, ...], Field(max_length=31)]
_BOUNDS = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day_of_month": (1, 31),
    "month": (1, 12),
    "day_of_week": (0, 6),
    "year": (2000, 2999),
}


class CalendarForm(Body):
    """Moments that match every field.

    An empty field matches all of its values, minute and hour only 0."""

    minute: Ranges = ()
    hour: Ranges = ()
    day_of_month: Ranges = ()
    month: Ranges = ()
    day_of_week: Ranges = Field(default=(), description="0 is Sunday.")
    year: Ranges = ()

    @model_validator(mode="after")
    def values_exist(self) -> Self:
        """Refuse a 32nd of a month."""
        for name, (lowest, highest) in _BOUNDS.items():
            for each in getattr(self, name):
                if not lowest <= each.first <= each.last <= highest:
                    raise ValueError(f"{name} goes from {lowest} to {highest}, the smaller first")
        return self


class IntervalForm(Body):
    """Every so often, counted from the epoch in UTC, ``offset`` later."""

    every: timedelta = Field(ge=SHORTEST_INTERVAL, le=_YEAR)
    offset: timedelta = Field(default=timedelta(0), ge=timedelta(0), le=_YEAR)

    @model_validator(mode="after")
    def offset_is_shorter(self) -> Self:
        """Refuse an offset that skips a whole interval."""
        if self.offset >= self.every:
            raise ValueError("the offset has to be shorter than the interval")
        return self


class ScheduleForm(Body):
    """A whole schedule: what is left out has its default.

    Exactly one of times, cron, calendars and interval is given."""

    times: tuple[ClockTime, ...] = Field(default=(), max_length=48, examples=[["06:00"]])
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(
        default=(), max_length=7, description="0 is Sunday; for times alone. Left out: every day."
    )
    cron: tuple[Annotated[str, StringConstraints(pattern=_CRON)], ...] = Field(default=(), max_length=10)
    calendars: tuple[CalendarForm, ...] = Field(default=(), max_length=10)
    interval: IntervalForm | None = None
    time_zone: TimeZoneName | None = Field(default=None, description="Left out: as it was, or the site's.")
    jitter: timedelta = Field(default=timedelta(0), ge=timedelta(0), le=timedelta(days=1))
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    skip_dates: tuple[Day, ...] = Field(default=(), max_length=366)
    overlap: Overlap = Overlap.BUFFER_ALL
    catch_up: timedelta = Field(default=DEFAULT_CATCH_UP, ge=SHORTEST_CATCH_UP, le=_YEAR)
    pause_on_failure: bool = False
    articles: int | None = Field(default=None, ge=1, le=10_000, description="A run; left out: as the site says.")
    colour: WhichColour | None = Field(default=None, description="Whose workers make it; left out: the active ones.")

    @model_validator(mode="after")
    def says_when_once(self) -> Self:
        """Refuse two ways of saying when, and none."""
        ways = [self.times, self.cron, self.calendars, self.interval]
        if sum(bool(way) for way in ways) != 1:
            raise ValueError("say when in exactly one way: times, cron, calendars or interval")
        if self.weekdays and not self.times:
            raise ValueError("weekdays belong to times")
        return self

    @property
    def change(self) -> ScheduleChange:
        """Return the change that makes any schedule this one."""
        fields: dict[str, Any] = self.model_dump(exclude={"colour"})
        fields["times"] = tuple(sorted(set(self.times)))
        fields["weekdays"] = tuple(sorted(set(self.weekdays)))
        fields["skip_dates"] = tuple(sorted(set(self.skip_dates)))
        if self.time_zone is None:
            del fields["time_zone"]
        if not self.times:
            del fields["weekdays"]
        return ScheduleChange.model_validate(fields)
