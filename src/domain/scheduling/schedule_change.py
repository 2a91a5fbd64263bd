"""A change of a schedule.

The fields that are set change, the others stay.
"""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import Hint, InputInvalid
from .schedule import WEEKDAYS, Calendar, Interval, Overlap, Schedule, When

_WAYS = ("times", "cron", "calendars", "interval")  # of saying when; a new one replaces the one before


class ScheduleChange(BaseModel):
    """What is to change.

    A field that was not given keeps its value; one that was given may be empty.

    ``weekdays`` apply to ``times``, also to those that the schedule has. Further fields are those of ``Schedule``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: tuple[time, ...] = ()
    weekdays: tuple[int, ...] = ()  # 0 is Sunday; empty is every day
    cron: tuple[str, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    interval: Interval | None = None
    time_zone: str | None = None
    jitter: timedelta = timedelta(0)
    starts_at: datetime | None = None  # UTC
    ends_at: datetime | None = None  # UTC
    skip_dates: tuple[date, ...] = ()
    overlap: Overlap | None = None
    catch_up: timedelta | None = None
    pause_on_failure: bool | None = None
    articles: int | None = None

    @classmethod
    def replacing(cls, schedule: Schedule) -> Self:
        """Return the change that makes any schedule this one."""
        fields = dict(schedule) | dict(schedule.when)
        del fields["when"]
        return cls.model_validate(fields)

    def apply(self, before: Schedule | None, *, default_zone: str) -> Schedule:
        """Return the changed schedule.

        A new one has ``default_zone`` unless it names a time zone.

        Raises InputInvalid naming the field.
        """
        fields: dict[str, object] = {"time_zone": default_zone} | dict(before or {})
        fields |= {name: getattr(self, name) for name in self.model_fields_set if name in Schedule.model_fields}
        fields["when"] = self._when(before.when if before else None)
        try:
            return Schedule.model_validate(fields)
        except ValidationError as error:
            raise _invalid(error) from error

    def _when(self, before: When | None) -> When:
        ways = [name for name in _WAYS if getattr(self, name)]
        if len(ways) > 1:
            raise InputInvalid("when", " and ".join(ways), "give times in one way only", reason="ambiguous")
        if ways and ways[0] != "times":
            return When.model_validate({ways[0]: getattr(self, ways[0])})
        if ways or "weekdays" in self.model_fields_set:
            return self._on_days(before or When.model_construct())
        if before is None:
            raise InputInvalid(
                "when", None, "a new schedule needs times", reason="missing", hint=Hint.GIVE_SCHEDULE_TIMES
            )
        return before

    def _on_days(self, before: When) -> When:
        times = self.times or before.times
        if not times:
            named = ",".join(WEEKDAYS[day] for day in self.weekdays)
            raise InputInvalid(
                "weekdays", named, "days need a time too", reason="missing", hint=Hint.GIVE_SCHEDULE_TIMES
            )
        days = self.weekdays if "weekdays" in self.model_fields_set else before.weekdays
        return When(times=times, weekdays=days)


def _invalid(error: ValidationError) -> InputInvalid:
    problem = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in problem["loc"]) or "ends_at"  # the one rule over several fields
    value = problem["input"] if problem["loc"] else "…"
    return InputInvalid(field, value, problem["msg"].removeprefix("Value error, "))


class ScheduleWrite(BaseModel):
    """A schedule before and after a change.

    ``before`` is None for a new one.
    """

    model_config = ConfigDict(frozen=True)

    before: Schedule | None
    after: Schedule

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """Return old and new value in words, by field.

        None for a new schedule.
        """
        return self.before.differences(self.after) if self.before else {}


class ClockChange(NamedTuple):
    """A day on which clocks skip or repeat a scheduled time."""

    day: date
    at: time
    effect: str


class SchedulePreview(BaseModel):
    """What a change of a schedule would do."""

    model_config = ConfigDict(frozen=True)

    write: ScheduleWrite
    next_runs: tuple[datetime, ...]  # UTC
    clock_changes: tuple[ClockChange, ...]
    median_duration: timedelta | None  # of the site's batches; None before the first

    @property
    def shortest_gap(self) -> timedelta | None:
        """Return the shortest time between two of the next runs."""
        return min((later - earlier for earlier, later in pairwise(self.next_runs)), default=None)
