"""A schedule as the fields of a form, and back.

The fields are texts as somebody typed them; ``ScheduleForm``, which the API has too, judges them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData

from src.domain.errors import InputInvalid
from src.domain.scheduling.schedule import DEFAULT_CATCH_UP, Schedule

from ..schedule_form import ScheduleForm

Fields = Mapping[str, Any]
WEEKDAYS = ((1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (0, "Sun"))
NAMES = {"times": "at clock times", "cron": "by cron", "interval": "every so often"}
_TEXTS = (
    *("way", "times", "cron", "every", "offset", "time_zone", "jitter", "starts_at", "ends_at", "skip_dates"),
    *("overlap", "catch_up", "articles", "colour"),
)


def shown_fields(given: FormData | Schedule | None) -> Fields:
    """Return the fields of a sent form, or of a schedule."""
    if isinstance(given, FormData):
        texts = {name: str(given.get(name, ""))[:4000].strip() for name in _TEXTS}
        return texts | {
            "weekdays": [str(day) for day in given.getlist("weekdays")][:7],
            "pause_on_failure": "pause_on_failure" in given,
        }
    if given is None:
        return dict.fromkeys(_TEXTS, "") | {
            "way": "times",
            "times": "06:00",
            "weekdays": [],
            "pause_on_failure": False,
            "overlap": "buffer_all",
            "catch_up": _hours(DEFAULT_CATCH_UP.total_seconds()),
            "colour": "",
        }
    return _of(given) | {"colour": ""}


def read_fields(fields: Fields) -> ScheduleForm:
    """Return the schedule. Raises pydantic's ValidationError, and InputInvalid."""
    wanted: dict[str, Any] = {
        "time_zone": fields["time_zone"] or None,
        "jitter": _seconds(fields["jitter"], 60, "jitter"),
        "skip_dates": _words(fields["skip_dates"]),
        "overlap": fields["overlap"] or "buffer_all",
        "catch_up": _seconds(fields["catch_up"], 3600, "catch_up") or DEFAULT_CATCH_UP,
        "pause_on_failure": fields["pause_on_failure"],
        "articles": fields["articles"] or None,
        "colour": fields["colour"] or None,
    }
    for name in ("starts_at", "ends_at"):
        wanted[name] = local_moment(fields[name], "UTC") if fields[name] else None
    if fields["way"] == "cron":
        wanted["cron"] = [line.strip() for line in fields["cron"].splitlines() if line.strip()]
    elif fields["way"] == "interval":
        offset = _seconds(fields["offset"], 60, "offset")
        wanted["interval"] = {"every": _seconds(fields["every"], 60, "every"), "offset": offset}
    else:
        wanted["times"] = _words(fields["times"])
        wanted["weekdays"] = fields["weekdays"] if len(fields["weekdays"]) < len(WEEKDAYS) else []
    return ScheduleForm.model_validate(wanted)


def local_moment(given: str, zone: str) -> datetime:
    """Return the moment that a field names in the zone. Raises InputInvalid."""
    try:
        return datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputInvalid("time", given[:40], "write day and time, as 2026-12-01T09:00") from error


def _of(schedule: Schedule) -> dict[str, Any]:
    when = schedule.when
    way = "cron" if when.cron else "interval" if when.interval else "times"
    return {
        "way": way,
        "times": ", ".join(f"{at:%H:%M}" for at in when.times),
        "weekdays": [str(day) for day in when.weekdays],
        "cron": "\n".join(when.cron),
        "every": _minutes(when.interval.every.total_seconds()) if when.interval else "",
        "offset": _minutes(when.interval.offset.total_seconds()) if when.interval else "",
        "time_zone": schedule.time_zone,
        "jitter": _minutes(schedule.jitter.total_seconds()),
        "starts_at": f"{schedule.starts_at:%Y-%m-%dT%H:%M}" if schedule.starts_at else "",
        "ends_at": f"{schedule.ends_at:%Y-%m-%dT%H:%M}" if schedule.ends_at else "",
        "skip_dates": ", ".join(str(day) for day in schedule.skip_dates),
        "overlap": schedule.overlap.value,
        "catch_up": _hours(schedule.catch_up.total_seconds()),
        "pause_on_failure": schedule.pause_on_failure,
        "articles": str(schedule.articles or ""),
    }


def _words(given: str) -> list[str]:
    return given.replace(",", " ").split()


def _seconds(given: str, unit: int, field: str) -> float:
    try:
        return float(given) * unit if given else 0
    except ValueError as error:
        raise InputInvalid(field, given[:40], "write a number") from error


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g}" if seconds else ""


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g}"
