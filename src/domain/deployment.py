"""Deployments: which colour takes new work, and how that changes."""

import hashlib
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
    """Where new work starts."""

    model_config = ConfigDict(frozen=True)

    active: Colour = BLUE
    canary: Canary | None = None


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
