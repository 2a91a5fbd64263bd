"""A provider's limit for one model: learned from its refusals, then kept.

Providers name their limits late, in units of their own, or not at all. So the rate is searched for: after the first
refusal it is halved, after each further one lowered to what was taken between the two, and raised slowly towards the
rate that was refused last (as TCP CUBIC does, RFC 9438). An outage closes the way for a time that doubles, and it opens
by degrees.

All times are of one clock, which is the database's.
"""

from datetime import datetime, timedelta
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

_QUARTERED, _HALVED, _LOWERED = 0.25, 0.5, 0.9
_MEASURED = 0.95  # of the rate at which the provider refilled its bucket between two refusals
_QUICKLY = 5  # grants: a refusal after fewer says that the rate is far too high
_NEAR = 0.8  # of the refused rate: up to it the rate is raised by leaps
_LEAP, _STEP, _STRIDE = 1.05, 1.001, 1.02  # a grant: below, near and past the rate that was refused last
_LOWEST_RATE = 1 / 60  # requests a second: no provider sells less than one a minute
_BURST = timedelta(milliseconds=100)  # whose tokens may be saved up, so that a late wake-up loses none
_FORGET = timedelta(minutes=10)  # after a refusal, once the rate is not used up
_FIRST_CLOSURE, _LONGEST_CLOSURE = timedelta(seconds=1), timedelta(seconds=30)
_FIRST_RECOVERY, _RECOVERED = 0.5, 64.0  # requests a second after an outage; doubled with each
SHORTEST_RETRY_AFTER = timedelta(seconds=1)  # of an attempt that is tried again: a worker needs no more looks
LONGEST_RETRY_AFTER = timedelta(
    minutes=5
)  # a mistaken header stops all workers no longer than one look in five minutes
_SCARCE = 0.1  # of the bucket: below it, what the provider says of its bucket is followed


class RequestBucket(NamedTuple):
    """A provider's bucket of requests, as an answer's headers tell it.

    Attributes:
        full_in: until the provider has refilled it completely.
    """

    limit: int
    remaining: int
    full_in: timedelta

    @property
    def rate(self) -> float | None:
        """Return the requests a second that the bucket is refilled with."""
        taken, seconds = self.limit - self.remaining, self.full_in.total_seconds()
        return max(taken / seconds, _LOWEST_RATE) if taken > 0 and seconds > 0 else None


class ModelWait(BaseModel):
    """A model that takes no request now."""

    model_config = ConfigDict(frozen=True)

    model: str
    endpoint: str
    until: datetime  # UTC; then the next request may be sent
    is_out_of_order: bool  # whether it answers nothing, as far as is known; else it is a limit


class ProviderLimit(BaseModel):
    """What is known of the limit.

    Attributes:
        rate: requests a second that are granted; None: no limit is known.
        refused_rate: the rate at which the provider refused last.
        tokens: requests that could be granted at ``counted_at``.
        closed_until: until then nothing is granted.
        outages: how often in a row it failed or refused everything.
        recovery: requests a second after an outage, until one is answered.
        version: counts the changes for the worse; what was granted before one says nothing new.
        grants: since the last refusal.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    rate: float | None = None
    refused_rate: float | None = None
    tokens: float = 0
    counted_at: datetime | None = None
    closed_until: datetime | None = None
    outages: int = 0
    recovery: float | None = None
    version: int = 0
    grants: int = 0
    refused_at: datetime | None = None

    @property
    def is_free(self) -> bool:
        """Return whether requests need not be granted one by one."""
        return self.rate is None and self.recovery is None and self.closed_until is None

    @property
    def is_out_of_order(self) -> bool:
        """Return whether the provider answers nothing, as far as is known."""
        return self.outages > 0

    @property
    def pace(self) -> float | None:
        """Return the requests a second that are granted now."""
        return min((each for each in (self.rate, self.recovery) if each is not None), default=None)

    def wait(self, now: datetime) -> timedelta:
        """Return how long it takes until the next request is granted."""
        free_at = self.closed_until or now
        if self.pace is not None:
            missing = timedelta(seconds=max(1 - self.tokens, 0) / self.pace)
            free_at = max(free_at, (self.counted_at or now) + missing)
        return max(free_at - now, timedelta(0))

    def clamped(self, now: datetime) -> Self:
        """Return the limit, closed no longer than LONGEST_RETRY_AFTER from now.

        So is what an earlier version stored.
        """
        latest = now + LONGEST_RETRY_AFTER
        if self.closed_until is None or self.closed_until <= latest:
            return self
        return self._with(closed_until=latest, counted_at=min(self.counted_at or latest, latest))

    def waited_until(self, now: datetime) -> datetime | None:
        """Return when the next request is granted.

        None: none has to wait. An outage counts while it is asked about: a row that nobody asks about any more stays
        as it was left.
        """
        wait = self.wait(now)
        is_watched = self.counted_at is not None and now - self.counted_at < LONGEST_RETRY_AFTER
        return now + wait if wait or (self.is_out_of_order and is_watched) else None

    def grant(self, now: datetime) -> Self:
        """Return the limit after one request was granted."""
        if self.pace is None:
            return self._with(closed_until=None, grants=self.grants + 1)
        tokens = self._tokens(now)
        is_used_up = tokens < max(1.0, self._burst) or self._burst <= 1
        return self._with(
            closed_until=None,
            tokens=max(tokens - 1, 0.0),
            counted_at=now,
            grants=self.grants + 1,
            rate=self._raised(now, is_used_up=is_used_up),
            recovery=_doubled(self.recovery),
        )

    def refuse(self, now: datetime, *, version: int, observed: float, retry_after: timedelta | None) -> Self:
        """Return the limit after a request was refused.

        ``version`` is the limit's when the request was granted, ``observed`` the rate of requests until now, where no
        rate was kept. The provider's ``retry_after`` is obeyed, up to LONGEST_RETRY_AFTER.
        """
        retry_after = _at_most(retry_after)
        if version < self.version:  # sent before the rate was lowered
            return self._closed(now, retry_after or timedelta(0))
        if self.rate is not None and self.grants < 2:  # it refuses everything: no rate would help
            return self.fail(now, version=version, retry_after=retry_after)
        rate = observed if self.rate is None else self.rate
        is_search = self.rate is None or self.grants < _QUICKLY
        lowered = rate * _HALVED if self.rate is None else self._lowered(rate, now, is_search=is_search)
        lowered = max(lowered, _LOWEST_RATE)
        seconds = retry_after.total_seconds() if retry_after else 0.0
        if seconds % 1 and is_search:  # not rounded: the time that the provider needs for one more
            lowered = max(min(lowered, 1 / seconds), _LOWEST_RATE)
        closed = self._closed(now, retry_after or max(timedelta(seconds=1 / lowered), _FIRST_CLOSURE))
        return closed._with(  # noqa: SLF001 - of this class
            rate=lowered,
            refused_rate=max(rate, lowered) if is_search else lowered / _LOWERED,
            refused_at=now,
            tokens=0.0,  # what the provider has by then is needed for those that are sent meanwhile
            counted_at=closed.closed_until,
            version=self.version + 1,
            grants=0,
            outages=0,
        )

    def fail(self, now: datetime, *, version: int, retry_after: timedelta | None) -> Self:
        """Return the limit after the provider was out of order.

        ``retry_after`` is obeyed as by ``refuse``.
        """
        retry_after = _at_most(retry_after)
        if version < self.version:
            return self._closed(now, retry_after or timedelta(0))
        closure = max(retry_after or timedelta(0), min(_FIRST_CLOSURE * 2 ** min(self.outages, 10), _LONGEST_CLOSURE))
        closed = self._closed(now, closure)
        return closed._with(  # noqa: SLF001 - of this class
            outages=self.outages + 1,
            recovery=_FIRST_RECOVERY,
            tokens=1.0,
            counted_at=closed.closed_until,
            version=self.version + 1,
            grants=0,
        )

    def answer(self, *, version: int) -> Self:
        """Return the limit after an answer: an outage is over.

        That of a request which was sent before the outage says nothing.
        """
        if not self.outages or version < self.version:
            return self
        return self._with(outages=0, recovery=None, closed_until=None)

    def hear(self, now: datetime, bucket: RequestBucket, *, later: int) -> Self:
        """Return the limit after the provider told of its bucket.

        ``later`` requests were sent since. A bucket that is nearly full changes nothing.
        """
        left = bucket.remaining - later
        rate = bucket.rate
        if rate is None or (self.rate is None and left > bucket.limit * _SCARCE):
            return self
        if self.rate is not None and abs(rate - self.rate) < self.rate * 0.02:
            return self
        is_new = self.rate is None
        tokens, counted_at = (float(max(left, 0)), now) if is_new else (self.tokens, self.counted_at)
        return self._with(
            rate=rate,
            refused_rate=rate,
            refused_at=now,
            tokens=tokens,
            counted_at=counted_at,
            grants=max(self.grants, _QUICKLY),  # no rate has to be searched for
        )

    def _lowered(self, rate: float, now: datetime, *, is_search: bool) -> float:
        """Return the rate after a further refusal.

        The bucket was empty at both, so what was taken between them is what it was refilled with.
        """
        least, most = (_QUARTERED, _HALVED) if is_search else (_HALVED, _LOWERED)
        seconds = (now - (self.refused_at or now)).total_seconds()
        refilled = (self.grants - 1) / seconds if seconds > 0 else rate
        return max(rate * least, min(rate * most, refilled * _MEASURED))

    @property
    def _burst(self) -> float:
        return (self.pace or 0.0) * _BURST.total_seconds()

    def _tokens(self, now: datetime) -> float:
        seconds = (now - (self.counted_at or now)).total_seconds()
        gained = max(seconds, 0.0) * (self.pace or 0.0)
        return max(self.tokens, min(self.tokens + gained, max(1.0, self._burst)))

    def _raised(self, now: datetime, *, is_used_up: bool) -> float | None:
        """Return the rate after one more grant."""
        if self.rate is None or self.refused_rate is None or self.outages:
            return self.rate
        if not is_used_up:
            is_long_ago = self.refused_at is not None and now - self.refused_at > _FORGET
            return None if is_long_ago else self.rate
        near = self.refused_rate * _NEAR
        if self.rate < near:
            return min(self.rate * _LEAP, near)
        return self.rate * (_STEP if self.rate < self.refused_rate else _STRIDE)

    def _closed(self, now: datetime, closure: timedelta) -> Self:
        until = now + closure
        return self._with(closed_until=until if self.closed_until is None else max(self.closed_until, until))

    def _with(self, **changes: object) -> Self:
        return self.model_copy(update=changes)


def _at_most(retry_after: timedelta | None) -> timedelta | None:
    # fractions of a second are kept: they tell how long the provider needs for one more request
    return None if retry_after is None else min(retry_after, LONGEST_RETRY_AFTER)


def _doubled(recovery: float | None) -> float | None:
    return None if recovery is None or recovery >= _RECOVERED else recovery * 2
