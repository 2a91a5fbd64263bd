"""Headers of both vendors name what is left in a bucket of requests."""

from datetime import UTC, datetime, timedelta

import pytest

from src.domain.rate_limit import RequestBucket
from src.infrastructure.llm.request_bucket import request_bucket

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def openai(limit: str, remaining: str, reset: str) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": limit,
        "x-ratelimit-remaining-requests": remaining,
        "x-ratelimit-reset-requests": reset,
    }


@pytest.mark.parametrize(
    ("reset", "seconds"), [("120ms", 0.12), ("1s", 1), ("6m0s", 360), ("1m2.5s", 62.5), ("1h0m0s", 3600), ("7", 7)]
)
def test_durations_are_read(reset: str, seconds: float) -> None:
    assert request_bucket(openai("500", "499", reset)) == RequestBucket(500, 499, timedelta(seconds=seconds))


def test_times_are_read() -> None:
    names = [f"anthropic-ratelimit-requests-{name}" for name in ("limit", "remaining", "reset")]
    headers = dict(zip(names, ["50", "40", "2026-11-20T06:00:12Z"], strict=True))
    bucket = request_bucket(headers, NOW)
    assert bucket == RequestBucket(50, 40, timedelta(seconds=12))
    assert bucket is not None
    assert bucket.rate == pytest.approx(50 / 60)


@pytest.mark.parametrize(
    "headers",
    [{}, openai("", "1", "1s"), openai("5", "-1", "1s"), openai("5", "9", "1s"), openai("5", "1", "soon")],
)
def test_nonsense_is_no_bucket(headers: dict[str, str]) -> None:
    assert request_bucket(headers) is None
