"""Reads what people type about schedules.

Every refusal names the option, the value and the remedy.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule import (
    SHORTEST_CATCH_UP,
    SHORTEST_INTERVAL,
    WEEKDAYS,
    Calendar,
    Interval,
    Overlap,
    Range,
)

_CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
_DURATION = re.compile(r"^(\d+)\s*(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RANGE = re.compile(r"^(\d+)(?:-(\d+))?(?:/(\d+))?$")
_CALENDAR_FIELDS = {
    "minute": ("minute", 0, 59),
    "hour": ("hour", 0, 23),
    "day": ("day_of_month", 1, 31),
    "month": ("month", 1, 12),
    "weekday": ("day_of_week", 0, 6),
    "year": ("year", 2000, 2999),
}


def times(text: str, option: str) -> tuple[time, ...]:
    """Read ``06:00`` or ``06:00,18:30``. Raises InputInvalid."""
    found = []
    for part in text.split(","):
        match = _CLOCK.match(part.strip())
        if not match:
            raise InputInvalid(option, part, "write 24-hour clock times as 06:00, several separated by commas")
        found.append(time(int(match[1]), int(match[2])))
    return tuple(sorted(set(found)))


def weekdays(text: str) -> tuple[int, ...]:
    """Read ``mon,wed,fri`` or ``mon-fri``. Raises InputInvalid."""
    found: set[int] = set()
    for part in text.lower().split(","):
        names = [name.strip()[:3] for name in part.split("-")]
        if len(names) > 2 or any(name not in WEEKDAYS for name in names):
            raise InputInvalid("--on", part, "write days as mon,wed,fri or mon-fri")
        first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
        found.update(day % 7 for day in range(first, last + 1 if last >= first else last + 8))
    return tuple(sorted(found))


def cron(text: str) -> str:
    """Check that there are five fields; what is in them, Temporal checks.

    Raises InputInvalid.
    """
    if len(text.split()) != 5:
        raise InputInvalid(
            "--cron", text, "write five fields: minute hour day-of-month month day-of-week, for example '0 6 * * 1-5'"
        )
    return " ".join(text.split())


def calendar(text: str) -> Calendar:
    """Read ``day=1,15 hour=6 minute=30``.

    Fields minute, hour, day, month, weekday (0 is Sunday), year.
    """
    fields: dict[str, tuple[Range, ...]] = {}
    for part in text.split():
        name, _, values = part.partition("=")
        if name not in _CALENDAR_FIELDS or not values:
            raise InputInvalid("--calendar", part, "write field=values, for example 'day=1,15 hour=6 minute=30'")
        field, lowest, highest = _CALENDAR_FIELDS[name]
        fields[field] = tuple(_range(value, part, lowest, highest) for value in values.split(","))
    if not fields:
        raise InputInvalid("--calendar", text, "name at least one field, for example 'day=1 hour=6'")
    return Calendar(**fields)


def _range(text: str, part: str, lowest: int, highest: int) -> Range:
    match = _RANGE.match(text)
    if not match:
        raise InputInvalid("--calendar", part, "write numbers as 1,15 or 1-5 or 0-23/6")
    first, last = int(match[1]), int(match[2] or match[1])
    if not lowest <= first <= last <= highest or match[3] == "0":
        raise InputInvalid("--calendar", part, f"the values go from {lowest} to {highest}, the smaller first")
    return Range(first=first, last=last, step=int(match[3] or 1))


def interval(every: str, offset: str | None) -> Interval:
    """Read ``6h`` with an offset as ``30m``. Raises InputInvalid."""
    length = duration(every, "--every")
    if length < SHORTEST_INTERVAL:
        raise InputInvalid("--every", every, "a minute (1m) is the shortest interval for batches of articles")
    shift = duration(offset, "--offset") if offset else timedelta(0)
    if shift >= length:
        raise InputInvalid("--offset", offset, f"it has to be shorter than the interval {every}")
    return Interval(every=length, offset=shift)


def duration(text: str, option: str) -> timedelta:
    """Read ``90s``, ``10m``, ``72h`` or ``3d``. Raises InputInvalid."""
    match = _DURATION.match(text.strip().lower())
    if not match:
        raise InputInvalid(option, text, "write a number with its unit: 90s, 10m, 72h or 3d")
    try:
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    except OverflowError as error:
        raise InputInvalid(option, text, "it is longer than any calendar") from error


def catch_up(text: str) -> timedelta:
    """Read a catch-up window. Raises InputInvalid below ten seconds."""
    window = duration(text, "--catch-up")
    if window < SHORTEST_CATCH_UP:
        raise InputInvalid("--catch-up", text, "ten seconds (10s) is the shortest that Temporal keeps")
    return window


def time_zone(text: str) -> str:
    """Return ``text`` if it names a zone. Raises InputInvalid."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputInvalid("--time-zone", text, "write an IANA name, for example Europe/Berlin or UTC") from error
    return text


def overlap(text: str) -> Overlap:
    """Read an overlap policy; hyphens are as good as underscores. Raises InputInvalid."""
    try:
        return Overlap(text.strip().lower().replace("-", "_"))
    except ValueError as error:
        raise InputInvalid("--overlap", text, f"choose one of {', '.join(Overlap)}") from error


def day(text: str, option: str) -> date:
    """Read ``2026-12-24``. Raises InputInvalid."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid(option, text, "write a date as 2026-12-24") from error


def moment(text: str, option: str, zone: str) -> datetime:
    """Read a date or moment as UTC.

    A date means its first moment. It is in ``zone`` unless it has an offset. Raises InputInvalid.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputInvalid(
            option, text, "write it as 2026-12-24, 2026-12-24T06:00 or with an offset, +01:00"
        ) from error
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def period(first: str, last: str, zone: str, *, now: datetime) -> tuple[datetime, datetime]:
    """Read a period of the past as UTC, its end exclusive.

    A bare last day counts whole. Raises InputInvalid.
    """
    begin, end = moment(first, "--from", zone), moment(last, "--to", zone)
    for option, typed, at in (("--from", first, begin), ("--to", last, end)):
        if at > now:
            raise InputInvalid(option, typed, "it lies in the future; only past slots can be backfilled")
    if end < begin:
        raise InputInvalid("--to", last, f"it is before --from {first}; name the earlier one first")
    if len(last.strip()) == len("2026-12-24"):
        end = moment(f"{day(last, '--to') + timedelta(days=1)}", "--to", zone)
    else:
        end += timedelta(seconds=1)
    return begin, min(end, now + timedelta(seconds=1))
