"""Periods of the past whose slots a request asks for."""

from datetime import UTC, datetime, timedelta

from src.application.gaps import DEFAULT_PERIOD
from src.domain.errors import InputInvalid

LONGEST = timedelta(days=92)
MAX_SLOTS = 1_000  # of one backfill


def period(first: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """Return the period, its end not included.

    By default it is the last 14 days. Raises InputInvalid for one that is too long, or empty, or to come.
    """
    now = datetime.now(UTC)
    end = min(end or now, now)
    first = first or end - DEFAULT_PERIOD
    if first >= end:
        raise InputInvalid("first", first.isoformat(), "it has to be before the end and before now", reason="empty")
    if end - first > LONGEST:
        raise InputInvalid("first", first.isoformat(), f"ask for {LONGEST.days} days at most", reason="too_long")
    return first, end


def require_few(slots: list[datetime]) -> list[datetime]:
    """Return the slots. Raises InputInvalid for too many."""
    if len(slots) > MAX_SLOTS:
        raise InputInvalid("first", len(slots), f"the period has more than {MAX_SLOTS} slots", reason="too_long")
    return slots
