"""Read the provider's bucket of requests from an answer's headers.

OpenAI and most compatible servers name ``x-ratelimit-…-requests`` with a duration (``1m2.5s``), Anthropic
``anthropic-ratelimit-requests-…`` with a time (RFC 3339).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from src.domain.rate_limit import RequestBucket

_OPENAI = ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
_ANTHROPIC = tuple(f"anthropic-ratelimit-requests-{name}" for name in ("limit", "remaining", "reset"))
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_LONGEST = 86400.0


def request_bucket(headers: Mapping[str, str], now: datetime | None = None) -> RequestBucket | None:
    """Return the bucket that the headers describe, if any."""
    for names in (_OPENAI, _ANTHROPIC):
        limit, remaining, reset = (headers.get(name) for name in names)
        if limit and remaining and reset and limit.isdecimal() and remaining.isdecimal():
            full_in = _full_in(reset.strip(), now or datetime.now(UTC))
            if full_in is not None and int(remaining) <= int(limit):
                return RequestBucket(int(limit), int(remaining), full_in)
    return None


def _full_in(reset: str, now: datetime) -> timedelta | None:
    if re.fullmatch(f"(?:{_PARTS.pattern})+", reset):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(reset))
        return timedelta(seconds=min(seconds, _LONGEST))
    try:
        then = datetime.fromisoformat(reset)
    except ValueError:
        return None
    wait = (then if then.tzinfo else then.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), timedelta(seconds=_LONGEST))
