"""Deployments: which colour takes new work, and how that changes."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from .colour import BLUE, GREEN, Colour
from .ids import ArticleId


class DeploymentKind(StrEnum):
    """What somebody asked for."""

    PROMOTE = "promote"
    DRAIN = "drain"
    ROLLBACK = "rollback"


class DeploymentStatus(StrEnum):
    """How far a deployment came.

    One that holds asks a person; refused and superseded ones have ended, as those that are done.
    """

    RUNNING = "running"
    HOLDING = "holding"
    DONE = "done"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class Canary(BaseModel):
    """A share of the articles that start on the other colour.

    Attributes:
        share: percent, 1 to 99.
    """

    model_config = ConfigDict(frozen=True)

    colour: Colour
    share: int = Field(ge=1, le=99)


class Routing(BaseModel):
    """Where new work starts.

    Attributes:
        changed_at: when that was decided (UTC); None before it is stored. The later of two counts.
    """

    model_config = ConfigDict(frozen=True)

    active: Colour = BLUE
    canary: Canary | None = None
    changed_at: datetime | None = None


def other_than(colour: Colour) -> Colour:
    """Return the other colour."""
    return GREEN if colour == BLUE else BLUE


def colour_for(article: ArticleId, *, home: Colour, canary: Canary | None) -> Colour:
    """Return the colour that an article starts on: this function routes.

    An article starts where its parent runs (``home``), or on the canary's colour if a hash of its id falls into the
    share. So an article that is retried during a canary goes where it went before.
    """
    if canary is None:
        return home
    percent = int.from_bytes(hashlib.sha256(article.bytes).digest()[:8], "big") % 100
    return canary.colour if percent < canary.share else home


class WorkKind(StrEnum):
    """What a workflow does."""

    BATCH = "batch"
    SHARD = "shard"
    ARTICLE = "article"
    REVIEW = "review"
    PUBLICATION = "publication"
    RESUME = "resume"
    OTHER = "other"


class OpenWork(BaseModel):
    """The open workflows of one kind.

    Attributes:
        oldest: when the one began that began first (UTC); a workflow that began a new history counts from that.
    """

    model_config = ConfigDict(frozen=True)

    kind: WorkKind
    count: int
    oldest: datetime


class Poller(BaseModel):
    """A worker that asks for tasks; Temporal remembers it for five minutes."""

    model_config = ConfigDict(frozen=True)

    identity: str
    seen_at: datetime


class QueueState(BaseModel):
    """A task queue of one kind.

    Attributes:
        backlog: tasks that no worker took yet, about.
        backlog_age: how long the oldest of them waits.
    """

    model_config = ConfigDict(frozen=True)

    backlog: int
    backlog_age: timedelta
    pollers: tuple[Poller, ...]


class ColourWork(BaseModel):
    """What Temporal has of a colour.

    None: it did not say, which is not the same as nothing.

    Attributes:
        open: its open workflows; the list lags behind by a moment, so nothing is over before it is empty twice.
        articles: those of them that make an article.
        workflows: the queue of workflow tasks.
        activities: the queue of stages.
    """

    model_config = ConfigDict(frozen=True)

    colour: Colour
    open: tuple[OpenWork, ...] | None
    articles: tuple[ArticleId, ...] | None
    workflows: QueueState | None
    activities: QueueState | None

    @property
    def is_empty(self) -> bool:
        """Return whether it is known that nothing is open or waits."""
        if self.open is None or self.workflows is None or self.activities is None:
            return False
        return not (self.open or self.workflows.backlog or self.activities.backlog)


class MovedWork(BaseModel):
    """How many workflows were started anew on another colour."""

    model_config = ConfigDict(frozen=True)

    batches: int = 0
    articles: int = 0
    reviews: int = 0
    publications: int = 0
