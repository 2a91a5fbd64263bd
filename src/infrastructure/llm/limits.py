"""Turns at a provider, in one line a process.

They are waited for before a call is opened.

While no limit is known a turn costs nothing. Else the row that all workers share grants one request after the other,
and the next turn goes to the highest priority; among equals to the site that had the fewest turns; within a site to the
last stage, so that what was begun is finished first.

Only a few attempts wait here, since each holds a model slot. The others come back when their turn may be.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from src.domain.errors import ModelError, ModelLimited, ModelOverloaded, ModelRateLimited
from src.domain.ids import ArticleId
from src.domain.rate_limit import ProviderLimit
from src.domain.stage_failure import FailureKind, kind_of
from src.domain.stages import Stage
from src.infrastructure.database.provider_limits import LimitKey
from src.infrastructure.database.unit_of_work import Database

from .request_bucket import request_bucket

log = structlog.get_logger()

TURN_PATIENCE = timedelta(seconds=10)  # that an attempt waits here; then it gives its model slot back
_SHARE_OF_SLOTS = 4  # one in so many may be held by attempts that wait for one provider
_OBSERVED_SECONDS = 10.0  # of requests, from which the first rate is taken
_FAILURES = 2  # in a row make an outage: one may be an accident
_EARLY = 0.7  # of the estimated wait: back too early costs little, back too late wastes turns
_SHORTEST_ABSENCE, _LONGEST_ABSENCE = 1.0, 60.0  # seconds
_OVERDUE_SECONDS = 30.0  # after which an attempt that was sent away is not expected any more


@dataclass(frozen=True, kw_only=True)
class TurnRequest:
    """The attempt that asks for a turn.

    Attributes:
        priority: 1 is the highest.
    """

    article_id: ArticleId
    site: str
    stage: Stage
    priority: int


@dataclass(frozen=True)
class Turn:
    """The right to send one request.

    Attributes:
        number: counts the turns of this process.
        version: the limit's, when the turn was granted.
    """

    number: int
    version: int


@dataclass(eq=False)
class _Waiter:
    request: TurnRequest
    order: int
    turn: "asyncio.Future[Turn]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gate:
    """One process's way to one model at one endpoint."""

    def __init__(
        self, database: Database, key: LimitKey, *, known: ProviderLimit, most_waiting: int, patience: timedelta
    ) -> None:
        self._database = database
        self._key = key
        self._most_waiting = most_waiting
        self._patience = patience.total_seconds()
        self._known = known
        self._wait = 0.0  # seconds until the next turn, as far as is known
        self._waiting: list[_Waiter] = []
        self._away: dict[tuple[ArticleId, Stage], float] = {}  # when each is expected back
        self._served: Counter[str] = Counter()  # turns by site, since somebody waits
        self._turns = 0
        self._taken: deque[float] = deque()  # when turns were taken lately
        self._failures = 0  # in a row
        self._changed = asyncio.Event()
        self._dispensing: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """Return whether a turn is taken without waiting."""
        return self._known.is_free and not self._waiting

    @property
    def known(self) -> ProviderLimit:
        """Return what this process knows of the limit."""
        return self._known

    @property
    def waiting(self) -> int:
        """Return how many attempts wait here for a turn."""
        return len(self._waiting)

    def learn(self, limit: ProviderLimit) -> None:
        """Take over what other workers found out."""
        self._known = limit
        self._changed.set()

    async def take_turn(self, request: TurnRequest) -> Turn:
        """Return once a request may be sent.

        Raises ModelLimited when that takes longer than an attempt may wait here, with the time to come back, and what
        the database raises.
        """
        if self.is_free:
            return self._turn()
        self._away.pop((request.article_id, request.stage), None)
        waiter = _Waiter(request, order=self._turns + len(self._waiting))
        self._join(waiter)
        try:
            async with asyncio.timeout(self._patience):
                return await waiter.turn
        except TimeoutError:
            raise self._limited(request) from None
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _join(self, waiter: _Waiter) -> None:
        if not self._waiting:
            self._served.clear()
        elif waiter.request.site not in self._served:  # who comes later has no turns to make up for
            self._served[waiter.request.site] = min(self._served[each.request.site] for each in self._waiting)
        self._waiting.append(waiter)
        self._end_waiting(self._limited, most=self._most_waiting)
        if self._dispensing is None or self._dispensing.done():
            self._dispensing = asyncio.create_task(self._dispense())

    def _rank(self, waiter: _Waiter) -> tuple[int, int, int, int]:
        asked = waiter.request
        return asked.priority, self._served[asked.site], -asked.stage.position, waiter.order

    async def _dispense(self) -> None:
        """Take turns from the shared row for those that wait."""
        while self._waiting:
            try:
                limit, wait = await self._database.run_in_transaction(
                    lambda uow: uow.provider_limits.change(self._key, _take)
                )
            except (DBAPIError, PoolTimeout, OSError) as error:
                self._fail(error)
                return
            self._known, self._wait = limit, wait.total_seconds()
            if limit.is_free:
                while self._waiting:
                    self._serve()
            elif not wait:
                self._serve()
            elif self._wait > self._patience or limit.outages > 1:  # none holds a slot where nothing is answered
                self._end_waiting(self._limited)
            else:
                await self._pause(self._wait)

    def _serve(self) -> None:
        if not self._waiting:  # all went away meanwhile
            return
        first = min(self._waiting, key=self._rank)
        self._waiting.remove(first)
        self._served[first.request.site] += 1
        if not first.turn.done():
            first.turn.set_result(self._turn())

    def _fail(self, error: Exception) -> None:
        self._end_waiting(lambda _: error)

    def _end_waiting(self, error: Callable[[TurnRequest], BaseException], *, most: int = 0) -> None:
        while len(self._waiting) > most:
            last = max(self._waiting, key=self._rank)
            self._waiting.remove(last)
            if not last.turn.done():
                last.turn.set_exception(error(last.request))

    async def _pause(self, seconds: float) -> None:
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _limited(self, request: TurnRequest) -> ModelLimited:
        """Return when to come back, from the line ahead and the pace."""
        now = time.monotonic()
        self._away = {key: due for key, due in self._away.items() if due + _OVERDUE_SECONDS > now}
        ahead = len(self._waiting) + len(self._away)
        seconds = (self._wait + ahead / (self._known.rate or float("inf"))) * _EARLY
        seconds = min(max(seconds, _SHORTEST_ABSENCE), _LONGEST_ABSENCE)
        self._away[request.article_id, request.stage] = now + seconds
        due = timedelta(seconds=seconds)
        return ModelLimited(*self._key, is_out_of_order=self._known.is_out_of_order, retry_after=due)

    def _turn(self) -> Turn:
        now = time.monotonic()
        self._turns += 1
        self._taken.append(now)
        while self._taken[0] < now - _OBSERVED_SECONDS:
            self._taken.popleft()
        return Turn(self._turns, self._known.version)

    async def answered(self, turn: Turn, headers: Mapping[str, str]) -> None:
        """Note that the provider took the request."""
        self._failures = 0
        bucket = request_bucket(headers)
        later = self._turns - turn.number

        def rule(limit: ProviderLimit, now: datetime) -> ProviderLimit:
            limit = limit.answer(version=turn.version)
            return limit if bucket is None else limit.hear(now, bucket, later=later)

        if rule(self._known, datetime.now(UTC)) != self._known:
            await self._change(rule)

    async def failed(self, turn: Turn, error: ModelError) -> None:
        """Note that the provider refused the request, or failed."""
        is_refusal = isinstance(error, ModelRateLimited | ModelOverloaded)  # also in the middle of an answer
        if kind_of(error) is not FailureKind.OUTAGE and not is_refusal:
            await self.answered(turn, {})
        elif isinstance(error, ModelRateLimited):
            observed = self._observe()
            await self._change(
                lambda limit, now: limit.refuse(
                    now, version=turn.version, observed=observed, retry_after=error.retry_after
                )
            )
        else:
            self._failures += 1
            if self._failures >= _FAILURES or error.retry_after or isinstance(error, ModelOverloaded):
                await self._change(
                    lambda limit, now: limit.fail(now, version=turn.version, retry_after=error.retry_after)
                )

    def _observe(self) -> float:
        """Return the requests a second that were sent lately."""
        seconds = time.monotonic() - self._taken[0] if self._taken else 0.0
        return max(len(self._taken), 1) / min(max(seconds, 1.0), _OBSERVED_SECONDS)

    async def _change(self, rule: Callable[[ProviderLimit, datetime], ProviderLimit]) -> None:
        """Store what the rule makes of the limit.

        Without a database it is kept here alone: the call itself is on record elsewhere.
        """
        try:
            limit, before = await self._database.run_in_transaction(
                lambda uow: uow.provider_limits.change(self._key, lambda known, now: (rule(known, now), known))
            )
        except (DBAPIError, PoolTimeout, OSError) as error:
            log.warning("limit_not_stored", error=type(error).__name__)
            return
        self.learn(limit)
        if limit.version != before.version or limit.is_free != before.is_free:
            endpoint, model = self._key
            log.info(
                "provider_limit", endpoint=endpoint, model=model, a_second=limit.pace, outages=limit.outages or None
            )


def _take(limit: ProviderLimit, now: datetime) -> tuple[ProviderLimit, timedelta]:
    """Grant one request, or return how long it takes until then."""
    wait = limit.wait(now)
    return (limit, wait) if wait else (limit.grant(now), wait)


class Limits:
    """The gates of one process."""

    def __init__(self, database: Database, *, slots: int, patience: timedelta = TURN_PATIENCE) -> None:
        self._database = database
        self._most_waiting = max(1, slots // _SHARE_OF_SLOTS)
        self._patience = patience
        self._known: dict[LimitKey, ProviderLimit] = {}
        self._gates: dict[LimitKey, Gate] = {}

    def gate(self, endpoint: str, model: str) -> Gate:
        """Return the gate to the model at the endpoint."""
        key = (endpoint, model)
        if key not in self._gates:
            known = self._known.get(key, ProviderLimit())
            self._gates[key] = Gate(
                self._database, key, known=known, most_waiting=self._most_waiting, patience=self._patience
            )
        return self._gates[key]

    def list_gates(self) -> dict[LimitKey, Gate]:
        """Return the gates that were asked for so far."""
        return dict(self._gates)

    async def refresh(self) -> None:
        """Read what all workers found out. Raises what the database raises."""
        self._known = await self._database.run_autocommit(lambda uow: uow.provider_limits.list_all())
        for key, limit in self._known.items():
            if key in self._gates:
                self._gates[key].learn(limit)
