"""A provider's limit is learned from what it refuses; a virtual clock and a virtual provider judge the rules."""

import heapq
import math
from datetime import UTC, datetime, timedelta

import pytest

from src.domain.rate_limit import LONGEST_RETRY_AFTER, ProviderLimit, RequestBucket

START = datetime(2026, 11, 20, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Provider:
    """A bucket of ``burst`` requests, refilled with ``rate`` a second; the window of a provider that counts minutes."""

    def __init__(self, *, rate: float, burst: int, rounds: bool = True, tells: bool = True) -> None:
        self.rate, self.burst, self.rounds, self.tells = rate, burst, rounds, tells
        self.tokens, self.counted_at = float(burst), 0.0
        self.accepted = self.refused = 0

    def ask(self, now: float) -> timedelta | None:
        """Return None for yes, else how long to wait."""
        self.tokens = min(self.burst, self.tokens + (now - self.counted_at) * self.rate)
        self.counted_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            self.accepted += 1
            return None
        self.refused += 1
        wait = (1 - self.tokens) / self.rate
        return timedelta(seconds=math.ceil(wait) if self.rounds else wait)


def run(provider: Provider, *, calls: int, slots: int, latency: float) -> float:
    """Return when the last of ``calls`` was answered, with ``slots`` at once."""
    limit, now, sent, answered = ProviderLimit(), 0.0, 0, 0.0
    under_way: list[float] = []
    granted: list[float] = []
    while provider.accepted < calls:
        while under_way and under_way[0] <= now:
            heapq.heappop(under_way)
        wait = limit.wait(at(now)).total_seconds()
        if wait > 0:
            now += max(wait, 0.001)
            continue
        if len(under_way) >= slots:
            now = max(now, under_way[0])
            continue
        version = limit.version
        limit = limit if limit.is_free else limit.grant(at(now))
        granted = [each for each in granted if each > now - 10] + [now]
        sent += 1
        refused = provider.ask(now)
        if refused is None:
            heapq.heappush(under_way, now + latency)
            answered = max(answered, now + latency)
        else:
            observed = len(granted) / min(10.0, max(1.0, now - granted[0]))
            retry_after = refused if provider.tells else None
            limit = limit.refuse(at(now), version=version, observed=observed, retry_after=retry_after)
        now += 0.001
    return answered


@pytest.mark.parametrize("rounds", [True, False])
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize(
    ("rate", "burst", "calls", "slots", "latency"),
    [(50 / 60, 50, 256, 32, 8.0), (10.0, 16, 600, 16, 0.5), (500 / 60, 500, 2000, 64, 5.0)],
)
def test_a_bucket_is_used_to_the_full_and_refuses_little(
    rate: float, burst: int, calls: int, slots: int, latency: float, rounds: bool, tells: bool
) -> None:
    provider = Provider(rate=rate, burst=burst, rounds=rounds, tells=tells)
    took = run(provider, calls=calls, slots=slots, latency=latency)
    bound = max((calls - burst) / rate + latency, calls / slots * latency)
    assert took <= 1.15 * bound
    assert provider.refused <= (calls + provider.refused) / 40  # besides those that were under way at the first one


def test_a_bucket_of_three_a_minute_is_used_too() -> None:
    provider = Provider(rate=3 / 60, burst=3)
    assert run(provider, calls=60, slots=4, latency=8.0) <= 1.15 * (57 * 20 + 8)


def test_without_refusals_no_limit_is_kept() -> None:
    limit = ProviderLimit()
    assert limit.is_free
    assert limit.wait(START) == timedelta(0)
    assert limit.answer(version=0) == limit


def test_a_refusal_closes_for_as_long_as_the_provider_says() -> None:
    limit = ProviderLimit().refuse(START, version=0, observed=4.0, retry_after=timedelta(seconds=20))
    assert limit.wait(START) == timedelta(seconds=20.5)
    assert limit.wait(at(20.5)) == timedelta(0)
    assert not limit.is_out_of_order
    assert limit.rate == 2.0


@pytest.mark.parametrize("days", [1, 31])
@pytest.mark.parametrize("version", [0, -1])  # also of a request that was sent before
def test_no_header_closes_for_days(days: int, version: int) -> None:
    named = timedelta(days=days)
    limit = ProviderLimit()
    for closed in (
        limit.refuse(START, version=version, observed=4.0, retry_after=named),
        limit.fail(START, version=version, retry_after=named),
    ):
        assert closed.closed_until == START + LONGEST_RETRY_AFTER
        assert LONGEST_RETRY_AFTER <= closed.wait(START) <= LONGEST_RETRY_AFTER + timedelta(seconds=60)
        again = closed.grant(at(361))
        assert not again.wait(at(422))
    refused = limit.refuse(START, version=0, observed=4.0, retry_after=named)
    twice = refused.grant(at(301)).refuse(at(301), version=refused.version, observed=4.0, retry_after=named)
    assert twice.closed_until == at(301) + LONGEST_RETRY_AFTER


def test_what_an_earlier_version_closed_for_days_opens_within_the_longest_wait() -> None:
    old = ProviderLimit(rate=2.0, closed_until=START + timedelta(days=31), counted_at=START + timedelta(days=31))
    limit = old.clamped(START)
    assert limit.wait(START) <= LONGEST_RETRY_AFTER + timedelta(seconds=1)
    assert limit.clamped(at(10)) == limit  # it comes nearer
    assert ProviderLimit().clamped(START) == ProviderLimit()


def test_refusals_of_requests_that_were_under_way_lower_the_rate_once() -> None:
    first = ProviderLimit().refuse(START, version=0, observed=8.0, retry_after=timedelta(seconds=1))
    second = first.refuse(at(0.1), version=0, observed=8.0, retry_after=timedelta(seconds=3))
    assert second.rate == first.rate == 4.0
    assert second.wait(START) > timedelta(seconds=3)


def test_a_provider_that_refuses_everything_is_asked_less_and_less_and_keeps_its_rate() -> None:
    limit = ProviderLimit().refuse(START, version=0, observed=8.0, retry_after=None)
    now, waits = START, []
    for _ in range(8):
        now += limit.wait(now)
        limit = limit.grant(now)
        limit = limit.refuse(now, version=limit.version, observed=8.0, retry_after=None)
        waits.append(limit.wait(now).total_seconds())
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert limit.is_out_of_order
    assert limit.rate == 4.2  # not lowered while nothing is answered


def test_an_outage_opens_by_degrees_and_ends_with_an_answer() -> None:
    limit = ProviderLimit().fail(START, version=0, retry_after=None)
    assert limit.wait(START) == timedelta(seconds=1)
    now = at(1)
    granted = []
    for _ in range(4):
        now += limit.wait(now)
        limit = limit.grant(now)
        granted.append(now)
    assert [round((each - START).total_seconds(), 1) for each in granted] == [1.0, 2.0, 2.5, 2.8]
    over = ProviderLimit().fail(START, version=0, retry_after=None)
    assert over.answer(version=0) == over  # it was sent before the outage
    assert over.answer(version=1).is_free


def test_an_outage_is_waited_for_while_somebody_asks() -> None:
    closed = ProviderLimit().fail(START, version=0, retry_after=None)
    assert closed.waited_until(START) == at(1)
    assert closed.waited_until(at(2)) == at(2)  # a request is under way, or soon
    assert closed.grant(at(200)).waited_until(at(400)) == at(400)
    assert closed.waited_until(at(400)) is None
    assert ProviderLimit().waited_until(START) is None


def test_the_rate_that_headers_tell_is_kept_once_the_bucket_is_nearly_empty() -> None:
    full = RequestBucket(limit=50, remaining=40, full_in=timedelta(seconds=12))
    assert ProviderLimit().hear(START, full, later=0).is_free
    assert ProviderLimit().hear(START, full, later=38).rate == pytest.approx(50 / 60)
    empty = RequestBucket(limit=50, remaining=2, full_in=timedelta(seconds=57.6))
    heard = ProviderLimit().hear(START, empty, later=0)
    assert heard.rate == pytest.approx(50 / 60)
    assert heard.wait(START) == timedelta(0)
    more = RequestBucket(limit=500, remaining=2, full_in=timedelta(seconds=59.76))
    assert heard.hear(at(1), more, later=0).rate == pytest.approx(500 / 60)
    nonsense = RequestBucket(limit=0, remaining=0, full_in=timedelta(0))
    assert ProviderLimit().hear(START, nonsense, later=3).is_free


def test_a_limit_that_is_no_longer_reached_is_forgotten() -> None:
    limit = ProviderLimit().refuse(START, version=0, observed=40.0, retry_after=timedelta(seconds=1))
    for second in range(700, 720):
        limit = limit.grant(at(second))
    assert limit.is_free
