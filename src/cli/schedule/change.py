"""Reads the options of ``longtail schedule set`` as a change.

An option that was not given changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule_change import ScheduleChange

from . import options as read


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions:
    """The options as typed.

    None was not given, and the word ``none`` removes a value.
    """

    daily: str | None = None
    on: str | None = None
    cron: Sequence[str] = ()
    calendar: Sequence[str] = ()
    every: str | None = None
    offset: str | None = None
    time_zone: str | None = None
    jitter: str | None = None
    start: str | None = None
    end: str | None = None
    skip: Sequence[str] = ()
    overlap: str | None = None
    catch_up: str | None = None
    pause_on_failure: bool | None = None
    articles: int | None = None

    def read(self, *, zone: str) -> ScheduleChange:
        """Return the change.

        Moments without an offset are in ``zone`` unless a time zone was typed.

        Raises InputInvalid naming option, value and remedy.
        """
        zone = zone if self.time_zone is None else read.time_zone(self.time_zone)
        fields = self._times() | self._bounds(zone) | self._policies()
        return ScheduleChange.model_validate(fields | ({} if self.time_zone is None else {"time_zone": zone}))

    def _times(self) -> dict[str, object]:
        ways = {"--daily": self.daily, "--cron": self.cron, "--calendar": self.calendar, "--every": self.every}
        given = [option for option, typed in ways.items() if typed]
        if len(given) > 1:
            raise InputInvalid(" and ".join(given), "…", "say when in one way only", reason="ambiguous")
        fields: dict[str, object] = {}
        if self.daily:
            fields["times"] = read.times(self.daily, "--daily")
        if self.on:
            fields["weekdays"] = () if self.on == "every-day" else read.weekdays(self.on)
        if self.cron:
            fields["cron"] = tuple(map(read.cron, self.cron))
        if self.calendar:
            fields["calendars"] = tuple(map(read.calendar, self.calendar))
        if self.every:
            fields["interval"] = read.interval(self.every, self.offset)
        return fields

    def _bounds(self, zone: str) -> dict[str, object]:
        fields: dict[str, object] = {}
        for name, option, typed in (("starts_at", "--start", self.start), ("ends_at", "--end", self.end)):
            if typed:
                fields[name] = None if typed == "none" else read.moment(typed, option, zone)
        if self.skip:
            days = () if "none" in self.skip else {read.day(text, "--skip") for text in self.skip}
            fields["skip_dates"] = tuple(sorted(days))
        return fields

    def _policies(self) -> dict[str, object]:
        fields: dict[str, object] = {}
        if self.jitter:
            fields["jitter"] = timedelta(0) if self.jitter == "none" else read.duration(self.jitter, "--jitter")
        if self.overlap:
            fields["overlap"] = read.overlap(self.overlap)
        if self.catch_up:
            fields["catch_up"] = read.catch_up(self.catch_up)
        if self.pause_on_failure is not None:
            fields["pause_on_failure"] = self.pause_on_failure
        if self.articles is not None:
            fields["articles"] = self.articles or None
        return fields
