"""The slots of a schedule that names clock times.

Exactly one a day and time, also when clocks change.

The rule: a time that does not exist on a day (clocks go forward) runs as much later as the clocks jumped; a time that
comes twice (clocks go back) runs at its second occurrence. Temporal leaves the first day without a slot and starts some
times twice on the second (measured on server 1.32), so we add the one and refuse the other.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .schedule import Schedule


def slot_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment in UTC of a clock time on a day."""
    local = datetime.combine(day, at, tzinfo=zone)  # fold 0: where the time is missing, the offset before the jump
    return local.replace(fold=int(comes_twice(day, at, zone))).astimezone(UTC)


def exists(day: date, at: time, zone: ZoneInfo) -> bool:
    """Return whether clocks show this time on this day."""
    there_and_back = datetime.combine(day, at, tzinfo=zone).astimezone(UTC).astimezone(zone)
    return (there_and_back.date(), there_and_back.time()) == (day, at)


def comes_twice(day: date, at: time, zone: ZoneInfo) -> bool:
    """Return whether clocks show this time twice on this day."""
    first = datetime.combine(day, at, tzinfo=zone)
    return exists(day, at, zone) and first.utcoffset() != first.replace(fold=1).utcoffset()


def slots(schedule: Schedule, first: datetime, end: datetime) -> Iterator[datetime]:
    """Return every slot in UTC from ``first`` up to but not ``end``.

    The schedule names clock times.
    """
    zone = ZoneInfo(schedule.time_zone)
    first = max(first, schedule.starts_at or first)
    day = first.astimezone(zone).date() - timedelta(days=1)
    while datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC) < end:
        if is_run_day(schedule, day):
            for at in sorted(slot_at(day, wanted, zone) for wanted in schedule.when.times):
                if first <= at < end and (schedule.ends_at is None or at <= schedule.ends_at):
                    yield at
        day += timedelta(days=1)


def is_repeat(schedule: Schedule, at: datetime) -> bool:
    """Return whether ``at`` is the first occurrence of a repeated time.

    Temporal starts it besides the slot.
    """
    zone = ZoneInfo(schedule.time_zone)
    day = at.astimezone(zone).date()
    turned_back = (_offset(day, zone) or timedelta(0)) - (_offset(day + timedelta(days=1), zone) or timedelta(0))
    if not schedule.when.times or turned_back <= timedelta(0):
        return False
    beside = (at - turned_back, at + turned_back)
    return not _is_slot(schedule, at) and any(_is_slot(schedule, other) for other in beside)


def _is_slot(schedule: Schedule, at: datetime) -> bool:
    return at in set(slots(schedule, at, at + timedelta(seconds=1)))


def is_run_day(schedule: Schedule, day: date) -> bool:
    """Return whether the schedule runs on this local day."""
    weekday = (day.weekday() + 1) % 7  # Sunday is 0, as Temporal counts
    return day not in schedule.skip_dates and (not schedule.when.weekdays or weekday in schedule.when.weekdays)


def clock_changes(schedule: Schedule, since: date, years: int) -> Iterator[tuple[date, time, str]]:
    """Yield days on which a scheduled time is skipped or repeated.

    Each comes with the time and its effect.
    """
    zone = ZoneInfo(schedule.time_zone)
    for offset in range(366 * years):
        day = since + timedelta(days=offset)
        if _offset(day, zone) == _offset(day + timedelta(days=1), zone):
            continue
        for at in schedule.when.times:
            if not exists(day, at, zone):
                moved = slot_at(day, at, zone).astimezone(zone)
                yield day, at, f"is skipped; it runs at {moved:%H:%M}"
            elif comes_twice(day, at, zone):
                yield day, at, "is repeated; it runs at its second occurrence"


def _offset(day: date, zone: ZoneInfo) -> timedelta | None:
    return datetime.combine(day, time.min, tzinfo=zone).utcoffset()
