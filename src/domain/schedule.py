"""When a site's batches run: the wish, checked; the engine that keeps it is Temporal's."""

import re
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from .errors import InputInvalid

SHORTEST_CATCH_UP = timedelta(seconds=10)  # Temporal raises anything shorter to this without a word
DEFAULT_CATCH_UP = timedelta(hours=72)

_CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")
_DURATION = re.compile(r"^(\d+)\s*(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Overlap(StrEnum):
    """What happens to a slot that comes while the last run is under way; names are Temporal's."""

    SKIP = "skip"  # drops it; after an outage all but one slot are gone
    BUFFER_ONE = "buffer_one"  # waits, one at most
    BUFFER_ALL = "buffer_all"  # waits, in order, none lost
    CANCEL_OTHER = "cancel_other"
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"  # runs beside it


class Schedule(BaseModel):
    """What one site wants."""

    model_config = ConfigDict(frozen=True)

    times: tuple[time, ...] = Field(min_length=1)  # each day, in time_zone
    time_zone: str  # IANA name
    overlap: Overlap = Overlap.BUFFER_ALL
    catch_up: timedelta = DEFAULT_CATCH_UP  # slots missed by more than this are not made up
    articles: int | None = Field(default=None, ge=1, le=10_000)  # per run; None: the site's articles_per_batch


class ScheduleState(BaseModel):
    """A schedule as Temporal has it."""

    model_config = ConfigDict(frozen=True)

    site: str
    schedule: Schedule
    colour: str
    paused: bool
    note: str
    next_runs: tuple[datetime, ...]  # UTC
    recent_runs: tuple[datetime, ...]  # slots, UTC
    running: int
    missed_catch_up: int
    skipped_overlap: int


def parse_times(text: str) -> tuple[time, ...]:
    """Read ``06:00`` or ``06:00,18:30``. Raises InputInvalid."""
    found = []
    for part in text.split(","):
        match = _CLOCK.match(part.strip())
        if not match:
            raise InputInvalid("--daily", part, "write 24-hour clock times as 06:00, several separated by commas")
        found.append(time(int(match[1]), int(match[2])))
    return tuple(sorted(set(found)))


def parse_duration(text: str, field: str) -> timedelta:
    """Read ``90s``, ``10m``, ``72h`` or ``3d``. Raises InputInvalid."""
    match = _DURATION.match(text.strip().lower())
    if not match:
        raise InputInvalid(field, text, "write a number with its unit: 90s, 10m, 72h or 3d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_catch_up(text: str) -> timedelta:
    """Read a catch-up window. Raises InputInvalid below ten seconds."""
    window = parse_duration(text, "--catch-up")
    if window < SHORTEST_CATCH_UP:
        raise InputInvalid("--catch-up", text, "ten seconds (10s) is the shortest that Temporal keeps")
    return window


def parse_time_zone(text: str) -> str:
    """Return ``text`` if it names a zone. Raises InputInvalid."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputInvalid("--time-zone", text, "write an IANA name, for example Europe/Berlin or UTC") from error
    return text


def parse_overlap(text: str) -> Overlap:
    """Read an overlap policy; hyphens are as good as underscores. Raises InputInvalid."""
    try:
        return Overlap(text.strip().lower().replace("-", "_"))
    except ValueError as error:
        raise InputInvalid("--overlap", text, f"choose one of {', '.join(Overlap)}") from error
