"""Turns the options of ``longtail schedule set`` into a change: only what was named changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule import Schedule, When

from . import options as read


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The options as typed; None was not named, and the word ``none`` takes a value away."""

    daily: str | None
    on: str | None
    cron: Sequence[str]
    calendar: Sequence[str]
    every: str | None
    offset: str | None
    time_zone: str | None
    jitter: str | None
    start: str | None
    end: str | None
    skip: Sequence[str]
    overlap: str | None
    catch_up: str | None
    pause_on_failure: bool | None
    articles: int | None

    def change(self, before: Schedule | None, *, site_zone: str) -> Schedule:
        """The schedule that results. Raises InputInvalid naming option, value and remedy."""
        zone = read.time_zone(self.time_zone) if self.time_zone else before.time_zone if before else site_zone
        fields: dict[str, object] = dict(before or {})
        fields |= {"when": self._when(before), "time_zone": zone, **self._bounds(zone), **self._policies()}
        return _checked(fields)

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

    def _when(self, before: Schedule | None) -> When:
        ways = {
            "--daily": bool(self.daily),
            "--cron": bool(self.cron),
            "--calendar": bool(self.calendar),
            "--every": bool(self.every),
        }
        named = [option for option, is_named in ways.items() if is_named]
        if len(named) > 1:
            raise InputInvalid(" and ".join(named), "…", "say when in one way only")
        if self.daily or self.on:
            return self._on_days(before)
        if self.cron:
            return When(cron=tuple(read.cron(text) for text in self.cron))
        if self.calendar:
            return When(calendars=tuple(read.calendar(text) for text in self.calendar))
        if self.every:
            return When(interval=read.interval(self.every, self.offset))
        if before is None:
            raise InputInvalid(
                "--daily", None, "a new schedule needs a time: --daily 06:00, --cron, --calendar or --every"
            )
        return before.when

    def _on_days(self, before: Schedule | None) -> When:
        known = before.when if before else None
        times = read.times(self.daily, "--daily") if self.daily else known.times if known else ()
        if not times:
            raise InputInvalid("--on", self.on, "days need a time too: --daily 06:00")
        if self.on:
            days = () if self.on == "every-day" else read.weekdays(self.on)
        else:
            days = known.weekdays if known else ()
        return When(times=times, weekdays=days)


def _checked(fields: dict[str, object]) -> Schedule:
    try:
        return Schedule.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "--end"
        raise InputInvalid(field, problem["input"] if problem["loc"] else "…", problem["msg"]) from error
