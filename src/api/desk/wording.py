"""Words and forms of values, as pages show them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.finding import Severity
from src.domain.person import Person

ARTICLE: dict[ArticleStatus, tuple[str, str]] = {
    ArticleStatus.QUEUED: ("wait", "Queued"),
    ArticleStatus.GENERATING: ("run", "At work"),
    ArticleStatus.NEEDS_REVIEW: ("wait", "Needs review"),
    ArticleStatus.CHANGES_REQUESTED: ("run", "Changes asked"),
    ArticleStatus.APPROVED: ("ok", "Approved"),
    ArticleStatus.REJECTED: ("bad", "Rejected"),
    ArticleStatus.PARKED: ("pause", "Parked"),
    ArticleStatus.WITHDRAWN: ("off", "Withdrawn"),
    ArticleStatus.FAILED: ("bad", "Failed"),
    ArticleStatus.CANCELLED: ("off", "Cancelled"),
}
"""The shape and the word of each status; a shape alone would not be read."""
BATCH: dict[BatchStatus, tuple[str, str]] = {
    BatchStatus.RUNNING: ("run", "Running"),
    BatchStatus.COMPLETED: ("ok", "Done"),
    BatchStatus.PARTLY_FAILED: ("warn", "Partly failed"),
    BatchStatus.FAILED: ("bad", "Failed"),
    BatchStatus.CANCELLED: ("off", "Cancelled"),
    BatchStatus.STOPPED: ("bad", "Stopped"),
}
SEVERITY: dict[Severity, tuple[str, str]] = {
    Severity.BLOCKING: ("bad", "Error"),
    Severity.WARNING: ("warn", "Warning"),
    Severity.NOTE: ("off", "Note"),
}


def moment(at: datetime | None, zone: str = "UTC", *, seconds: bool = False) -> Markup:
    """Return a moment in the zone, UTC on hover; None is nothing."""
    if at is None:
        return Markup("")
    local, now = at.astimezone(ZoneInfo(zone)), datetime.now(ZoneInfo(zone))
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    day = "" if local.date() == now.date() else f"{local:%a} {local.day} {local:%b} "
    year = "" if local.year == now.year or not day else f"{local.year} "
    utc = at.astimezone(UTC)
    # Put together by hand: a list shows a hundred, and every part is made of figures and names of ours.
    title = f"{utc:%a} {utc.day} {utc:%b %Y %H:%M:%S} UTC"
    shown = f"{day}{year}{clock} {local.tzname()}"
    return Markup(f'<abbr title="{title}">{shown}</abbr>')  # noqa: S704


def duration(length: timedelta | float | None) -> str:
    """Return a length of time, such as "2 d 4 h".

    A number is of seconds."""
    if length is None:
        return ""
    seconds = max(0, round(length.total_seconds() if isinstance(length, timedelta) else length))
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def age(at: datetime | None) -> str:
    """Return how long ago a moment was."""
    return duration(datetime.now(UTC) - at) if at else ""


def number(value: int | None) -> str:
    """Return a number with its thousands apart."""
    return "" if value is None else f"{value:,}"


def dollars(value: Any) -> str:  # noqa: ANN401 - a Decimal or a float
    """Return an amount of money to a tenth of a cent."""
    return "" if value is None else f"${value:,.3f}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return the count with its noun."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def state(shape_and_word: tuple[str, str]) -> Markup:
    """Return a state: its shape, then its word."""
    shape, word = shape_and_word
    return Markup(f'<span class="st {escape(shape)}">{escape(word)}</span>')  # noqa: S704 - faster than its format


def article_state(status: ArticleStatus) -> Markup:
    """Return the state of an article."""
    return state(ARTICLE[status])


def batch_state(status: BatchStatus) -> Markup:
    """Return the state of a batch."""
    return state(BATCH[status])


def roles(person: Person) -> str:
    """Return a person's roles: "reviewer on shop, operator"."""
    return ", ".join(f"{grant.role} on {grant.site}" if grant.site else str(grant.role) for grant in person.grants)


GLOBALS: dict[str, Callable[..., object]] = {
    "moment": moment,
    "age": age,
    "plural": plural,
    "roles": roles,
    "state": state,
    "article_state": article_state,
    "batch_state": batch_state,
}
FILTERS: dict[str, Callable[..., object]] = {"number": number, "dollars": dollars, "duration": duration}
