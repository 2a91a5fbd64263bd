"""A clock time has exactly one slot a day, also on the two days of a year when clocks change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Schedule, When

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Sydney")


def daily(zone: str, *times: time, **changes: object) -> Schedule:
    return Schedule.model_validate({"when": When(times=times), "time_zone": zone} | changes)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("at", [time(0, 30), time(1, 30), time(2, 30), time(3, 0), time(6, 0)], ids=str)
def test_every_local_day_has_exactly_one_slot(zone: str, at: time) -> None:
    info = ZoneInfo(zone)
    first, end = (datetime(year, 1, 1, tzinfo=info).astimezone(UTC) for year in (2027, 2028))
    found = Counter(slot.astimezone(info).date() for slot in slots.slots(daily(zone, at), first, end))
    assert found == {date(2027, 1, 1) + timedelta(days=day): 1 for day in range(365)}


@pytest.mark.parametrize(
    ("zone", "day", "shown"),
    [
        ("Europe/Berlin", date(2027, 3, 28), "03:30+0200"),
        ("America/New_York", date(2027, 3, 14), "03:30-0400"),
        ("Australia/Sydney", date(2027, 10, 3), "03:30+1100"),
    ],
)
def test_half_past_two_runs_an_hour_later_where_it_does_not_exist(zone: str, day: date, shown: str) -> None:
    moved = slots.slot_at(day, time(2, 30), ZoneInfo(zone)).astimezone(ZoneInfo(zone))
    assert f"{moved:%H:%M%z}" == shown


@pytest.mark.parametrize(
    ("zone", "day", "offset"),
    [
        ("Europe/Berlin", date(2027, 10, 31), timedelta(hours=1)),
        ("America/New_York", date(2027, 11, 7), timedelta(hours=-5)),
        ("Australia/Sydney", date(2027, 4, 4), timedelta(hours=10)),
    ],
)
def test_a_time_that_comes_twice_runs_at_its_second_coming(zone: str, day: date, offset: timedelta) -> None:
    at = time(1, 30) if zone == "America/New_York" else time(2, 30)
    slot = slots.slot_at(day, at, ZoneInfo(zone))
    assert slot.astimezone(ZoneInfo(zone)).utcoffset() == offset
    assert slots.is_repeat(daily(zone, at), slot - timedelta(hours=1))
    assert not slots.is_repeat(daily(zone, at), slot)


def test_an_ordinary_moment_is_never_taken_for_a_repeat() -> None:
    schedule = daily("Europe/Berlin", time(6, 0))
    assert not slots.is_repeat(schedule, datetime(2027, 6, 1, 5, 0, tzinfo=UTC))  # 07:00, an hour after the slot


def test_weekdays_and_skipped_dates_leave_days_out() -> None:
    schedule = Schedule(
        when=When(times=(time(6, 0),), weekdays=(1, 2, 3, 4, 5)), time_zone="UTC", skip_dates=(date(2026, 12, 24),)
    )
    found = slots.slots(schedule, datetime(2026, 12, 21, tzinfo=UTC), datetime(2026, 12, 28, tzinfo=UTC))
    assert [slot.day for slot in found] == [21, 22, 23, 25]


def test_clock_changes_are_told_before_they_come() -> None:
    told = list(slots.clock_changes(daily("Europe/Berlin", time(2, 30)), date(2027, 1, 1), 1))
    assert told == [
        (date(2027, 3, 28), time(2, 30), "is skipped; it runs at 03:30"),
        (date(2027, 10, 31), time(2, 30), "is repeated; it runs at its second occurrence"),
    ]
