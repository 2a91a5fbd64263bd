"""What happens in a trial, drawn from its seed."""

import random
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

_SITES = 3
_KEYWORDS = (4, 8)  # of a site: fewest, most
_EVENTS = (5, 9)
_SPAN = 5.0  # seconds in which they begin
_SHORTEST, _LONGEST = 0.2, 2.5  # seconds of an event that lasts
_LATENCY = (0.2, 0.8)  # seconds of a model call
_LONG = 3.5  # the same in one of six trials, with few keywords: a cancellation is heard within three seconds


class Kind(StrEnum):
    """What can happen."""

    KILL_WORKER = "kill -9 of a worker"
    DRAIN_WORKER = "SIGTERM of a worker"
    FREEZE_WORKER = "worker frozen"
    FREEZE_TEMPORAL = "Temporal frozen"
    FREEZE_POSTGRES = "PostgreSQL frozen"
    STOP_POSTGRES = "PostgreSQL stopped"
    CRASH_POSTGRES = "PostgreSQL crashed"
    CUT_CONNECTIONS = "connections cut"
    LIMIT = "429 storm"
    OUTAGE = "503 outage"
    CANCEL_BATCH = "batch cancelled"
    TERMINATE_BATCH = "batch terminated"
    TERMINATE_ARTICLE = "article terminated"
    REQUEUE = "keywords requeued"
    REOPEN = "slot opened again"
    NEXT_SLOT = "next slot opened"
    PROMOTE = "other colour promoted"
    CANARY = "other colour promoted with a canary"
    DRAIN_COLOUR = "standby colour drained"
    ROLLBACK = "rolled back"


DEPLOYMENTS = frozenset({Kind.PROMOTE, Kind.CANARY, Kind.DRAIN_COLOUR, Kind.ROLLBACK})
"""What happens only where there are workers of two colours."""


_WEIGHTS = {kind: 1 for kind in Kind if kind not in DEPLOYMENTS} | {
    Kind.KILL_WORKER: 3,
    Kind.CANCEL_BATCH: 2,
    Kind.REOPEN: 2,
}
_DEPLOYING = _WEIGHTS | {Kind.PROMOTE: 6, Kind.CANARY: 2, Kind.DRAIN_COLOUR: 5, Kind.ROLLBACK: 3}


class Event(BaseModel):
    """One event.

    Attributes:
        at: seconds after the first call.
        target: which worker, site or article, modulo how many there are; of a deployment, whether it is fast.
        seconds: how long it lasts; of a worker that ends, until the next one starts; of a deployment, half of the time
            after which its command is killed, if its target is odd.
    """

    model_config = ConfigDict(frozen=True)

    at: float
    kind: Kind
    target: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.at:4.1f} s  {self.kind}, target {self.target}, {self.seconds:.1f} s"


class Plan(BaseModel):
    """A trial.

    Attributes:
        keywords: how many, by site.
        limits: articles of each site's batches.
    """

    model_config = ConfigDict(frozen=True)

    seed: int
    colours: bool = False
    latency: float
    keywords: tuple[int, ...]
    limits: tuple[int, ...]
    events: tuple[Event, ...]

    def __str__(self) -> str:
        sites = ", ".join(
            f"{count} in batches of {limit}" for count, limit in zip(self.keywords, self.limits, strict=True)
        )
        head = (
            f"seed {self.seed}{', two colours' if self.colours else ''}: keywords {sites}; {self.latency:.2f} s a call"
        )
        return "\n".join([head, *(f"  {event}" for event in self.events)])


def draw(seed: int, *, colours: bool = False) -> Plan:
    """Return the seed's plan, always the same.

    With ``colours`` there are deployments among its events.
    """
    weights = _DEPLOYING if colours else _WEIGHTS
    chance = random.Random(seed)  # noqa: S311 - no secret: a seed must replay
    is_long = chance.randrange(6) == 0
    keywords = tuple(chance.randint(*((1, 3) if is_long else _KEYWORDS)) for _ in range(_SITES))
    events = [
        Event(
            at=round(chance.uniform(0.0, _SPAN), 2),
            kind=chance.choices(list(weights), weights=list(weights.values()))[0],
            target=chance.randrange(24),
            seconds=round(chance.uniform(_SHORTEST, _LONGEST), 2),
        )
        for _ in range(chance.randint(*_EVENTS))
    ]
    return Plan(
        seed=seed,
        colours=colours,
        latency=_LONG if is_long else round(chance.uniform(*_LATENCY), 2),
        keywords=keywords,
        limits=tuple(chance.randint(-(-count // 2), count) for count in keywords),
        events=tuple(sorted(events, key=lambda event: event.at)),
    )
