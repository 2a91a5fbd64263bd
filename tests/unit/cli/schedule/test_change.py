"""What people type about schedules: only what is named changes, and what is wrong is one clear line."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from src.cli.errors import worded
from src.cli.schedule import options as schedule_options
from src.cli.schedule.change import ScheduleOptions
from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule import DEFAULT_CATCH_UP, Calendar, Interval, Overlap, Range, Schedule, When

KNOWN = Schedule(
    when=When(times=(time(6, 0),), weekdays=(1, 2, 3, 4, 5)),
    time_zone="Europe/Berlin",
    jitter=timedelta(minutes=5),
    ends_at=datetime(2027, 12, 31, tzinfo=UTC),
    skip_dates=(date(2026, 12, 24),),
    pause_on_failure=True,
    articles=3,
)


def changed(before: Schedule | None = None, **typed: Any) -> Schedule:
    zone = before.time_zone if before else "Europe/London"
    return ScheduleOptions(**typed).read(zone=zone).apply(before, default_zone="Europe/London")


def test_a_new_schedule_takes_the_sites_zone_and_loses_no_slot() -> None:
    made = changed(daily="06:00")
    assert made.when == When(times=(time(6, 0),))
    assert (made.time_zone, made.overlap, made.catch_up) == ("Europe/London", Overlap.BUFFER_ALL, DEFAULT_CATCH_UP)


def test_nothing_named_changes_nothing() -> None:
    assert changed(KNOWN) == KNOWN


def test_only_what_is_named_changes() -> None:
    assert changed(KNOWN, overlap="skip") == KNOWN.model_copy(update={"overlap": Overlap.SKIP})
    assert changed(KNOWN, daily="07:00").when == When(times=(time(7, 0),), weekdays=(1, 2, 3, 4, 5))
    assert changed(KNOWN, on="every-day").when == When(times=(time(6, 0),))


def test_none_takes_a_value_away() -> None:
    cleared = changed(KNOWN, jitter="none", end="none", skip=("none",), articles=0, pause_on_failure=False)
    assert cleared == Schedule(when=KNOWN.when, time_zone=KNOWN.time_zone)


def test_every_way_of_saying_when() -> None:
    assert changed(daily="18:30,06:00").when == When(times=(time(6, 0), time(18, 30)))
    assert changed(daily="06:00", on="fri-mon").when.weekdays == (0, 1, 5, 6)
    assert changed(cron=("0  6 * * 1-5",)).when == When(cron=("0 6 * * 1-5",))
    calendar = Calendar(day_of_month=(Range(first=1, last=1), Range(first=15, last=15)), hour=(Range(first=6, last=6),))
    assert changed(calendar=("day=1,15 hour=6",)).when == When(calendars=(calendar,))
    every = Interval(every=timedelta(hours=6), offset=timedelta(minutes=30))
    assert changed(every="6h", offset="30m").when == When(interval=every)


def test_another_way_replaces_the_one_there_was() -> None:
    assert changed(KNOWN, every="12h").when == When(interval=Interval(every=timedelta(hours=12)))


@pytest.mark.parametrize(
    ("typed", "field", "value", "remedy"),
    [
        ({"daily": "25:00"}, "--daily", "25:00", "24-hour"),
        ({"daily": "6 am"}, "--daily", "6 am", "06:00"),
        ({"daily": "06:00", "on": "someday"}, "--on", "someday", "mon-fri"),
        ({"on": "mon"}, "--on", "mon", "--daily"),
        ({"cron": ("0 0 6 * * 1",)}, "--cron", "0 0 6 * * 1", "five fields"),
        ({"calendar": ("day=32",)}, "--calendar", "day=32", "1 to 31"),
        ({"calendar": ("lunch=1",)}, "--calendar", "lunch=1", "field=values"),
        ({"every": "30s"}, "--every", "30s", "a minute"),
        ({"every": "1h", "offset": "2h"}, "--offset", "2h", "shorter"),
        ({"every": "sometimes"}, "--every", "sometimes", "90s, 10m, 72h or 3d"),
        ({"daily": "06:00", "cron": ("0 6 * * *",)}, "--daily and --cron", "…", "one way"),
        ({"daily": "06:00", "time_zone": "Mars/Olympus"}, "--time-zone", "Mars/Olympus", "Europe/Berlin"),
        ({"daily": "06:00", "time_zone": "Europe"}, "--time-zone", "Europe", "Europe/Berlin"),
        ({"daily": "06:00", "time_zone": ""}, "--time-zone", "", "Europe/Berlin"),
        ({"daily": "06:00", "overlap": "maybe"}, "--overlap", "maybe", "buffer_all"),
        ({"daily": "06:00", "catch_up": "5s"}, "--catch-up", "5s", "ten seconds"),
        ({"daily": "06:00", "skip": ("24.12.",)}, "--skip", "24.12.", "2026-12-24"),
        ({"daily": "06:00", "start": "soon"}, "--start", "soon", "2026-12-24"),
        ({"daily": "06:00", "start": "2027-02-01", "end": "2027-01-01"}, "--end", "…", "before the start"),
        ({}, "--daily", "not given", "--cron"),
    ],
    ids=str,
)
def test_what_is_wrong_names_field_value_and_remedy(typed: dict[str, Any], field: str, value: str, remedy: str) -> None:
    with pytest.raises(InputInvalid) as error:
        changed(**typed)
    line = worded(error.value)
    assert line.startswith(field + ":")
    assert value in line
    assert remedy in line


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "last", "field", "remedy"),
    [
        ("2026-11-30", "2026-12-01", "--from", "future"),
        ("2026-11-01", "2026-12-01", "--to", "future"),
        ("2026-11-10", "2026-11-01", "--to", "earlier one first"),
        ("yesterday", "2026-11-01", "--from", "2026-12-24"),
    ],
)
def test_a_period_that_cannot_be_made_up_is_refused(first: str, last: str, field: str, remedy: str) -> None:
    with pytest.raises(InputInvalid) as error:
        schedule_options.period(first, last, "Europe/Berlin", now=NOW)
    assert error.value.message.startswith(field + ":")
    assert remedy in error.value.message


def test_a_period_counts_its_last_day_whole_but_ends_now() -> None:
    begin, end = schedule_options.period("2026-11-01", "2026-11-10", "Europe/Berlin", now=NOW)
    assert (begin, end) == (datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 10, 23, tzinfo=UTC))
    assert schedule_options.period("2026-11-20", "2026-11-21", "UTC", now=NOW)[1] == NOW + timedelta(seconds=1)
