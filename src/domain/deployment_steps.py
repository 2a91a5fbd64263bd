"""Steps of a deployment, and who may carry them out.

Each step is on record before the next one begins, and each may be repeated: whoever asks for the same thing again goes
on where the one before was cut off.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from .colour import Colour
from .deployment import DeploymentKind, DeploymentStatus
from .errors import Conflict, ConflictReason, Hint

LEASE = timedelta(seconds=30)  # without a sign of its runner for so long, another process may go on with a deployment


class Step(StrEnum):
    """What a deployment does, in the order of doing."""

    CHECKS = "checks"  # the colour's workers live and poll, and know the schema
    GATE = "gate"  # a probe article passes
    CANARY = "canary"  # a share of the articles, judged
    NEW_STARTS = "new starts"  # one row
    SCHEDULES = "schedules"  # each read back
    REVIEWS = "reviews"  # and publications: they wait on the other colour
    HAND_OVER = "hand over"  # all that the emptied colour has is told to go on elsewhere
    EMPTY = "empty"  # it has nothing any more


_PROMOTED = (Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS)
_EMPTIED = (Step.HAND_OVER, Step.EMPTY)


class DeploymentOptions(BaseModel):
    """How somebody wants it.

    Attributes:
        share: of the articles, in percent, that a canary makes; None: no canary.
        longest: the time after which a canary without enough articles asks a person.
        fast: articles do not finish where they are, but go on elsewhere with their next stage.
        has_gate: whether a probe article has to pass first.
    """

    model_config = ConfigDict(frozen=True)

    share: int | None = Field(default=None, ge=1, le=99)
    longest: timedelta = timedelta(minutes=30)
    fast: bool = False
    has_gate: bool = True


class StepRecord(BaseModel):
    """A step that began, and ended unless it is under way."""

    model_config = ConfigDict(frozen=True)

    begun_at: datetime
    done_at: datetime | None = None
    facts: dict[str, Any] = {}


class Deployment(BaseModel):
    """A promote, drain or rollback, and how far it came.

    Attributes:
        colour: that is promoted, drained, or gone back to.
        from_colour: the other one.
        reason: a code, and a detail after a colon: why it was refused or asks.
        runner: the process that carries it out; None: nobody does.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    kind: DeploymentKind
    colour: Colour
    from_colour: Colour
    status: DeploymentStatus
    reason: str | None
    options: DeploymentOptions
    steps: dict[Step, StepRecord]
    runner: str | None
    runner_seen_at: datetime | None
    started_by: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def is_refused(self) -> bool:
        """Return whether what was promoted is to be emptied again, or is."""
        if self.kind is not DeploymentKind.PROMOTE or self.reason is None:
            return False
        return self.status in (DeploymentStatus.RUNNING, DeploymentStatus.REFUSED)

    @property
    def target(self) -> Colour:
        """Return the colour that has the work afterwards."""
        goes_back = self.kind is DeploymentKind.DRAIN or self.is_refused
        return self.from_colour if goes_back else self.colour

    @property
    def emptied(self) -> Colour:
        """Return the colour whose work goes elsewhere."""
        return self.colour if self.target == self.from_colour else self.from_colour

    @property
    def plan(self) -> tuple[Step, ...]:
        """Return the steps that it consists of, as far as known."""
        match self.kind:
            case DeploymentKind.DRAIN:
                return _EMPTIED
            case DeploymentKind.ROLLBACK:
                return (*_PROMOTED, *_EMPTIED)
        if self.is_refused:
            return (*_PROMOTED, *_EMPTIED) if self.is_done(Step.CHECKS) else ()
        tests = (Step.CHECKS, *((Step.GATE,) if self.options.has_gate else ()))
        return (*tests, *((Step.CANARY,) if self.options.share else ()), *_PROMOTED)

    @property
    def next_step(self) -> Step | None:
        """Return the first step that is not done, if any."""
        return next((step for step in self.plan if not self.is_done(step)), None)

    def is_done(self, step: Step) -> bool:
        """Return whether the step is on record as done."""
        record = self.steps.get(step)
        return record is not None and record.done_at is not None

    def is_same(self, kind: DeploymentKind, colour: Colour) -> bool:
        """Return whether this is what somebody asks for."""
        return (self.kind, self.colour) == (kind, colour)


class Admission(StrEnum):
    """What becomes of a request for a deployment."""

    NEW = "new"
    RESUMED = "resumed"  # the same was asked for before and cut off, or asks a person
    SUPERSEDES = "supersedes"  # a rollback ends whatever is open


def admit(open_: Deployment | None, kind: DeploymentKind, colour: Colour, *, is_carried_out: bool) -> Admission:
    """Return what becomes of the request, with ``open_`` under way.

    Raises Conflict while somebody carries out the same, or if another one is open that is no rollback's to end.
    """
    if open_ is None:
        return Admission.NEW
    if not open_.is_same(kind, colour) and kind is DeploymentKind.ROLLBACK:
        return Admission.SUPERSEDES
    if open_.is_same(kind, colour) and not is_carried_out:
        return Admission.RESUMED
    is_same = open_.is_same(kind, colour)
    raise Conflict(
        ConflictReason.DEPLOYMENT_UNDER_WAY if is_same else ConflictReason.DEPLOYMENT_OPEN,
        open_.colour,
        hint=None if is_same else Hint.FINISH_DEPLOYMENT,
        kind=open_.kind.value,
        by=open_.started_by,
        since=f"{open_.started_at:%Y-%m-%d %H:%M:%S} UTC",
        where=runner_name(open_.runner),
    )


class Possible(BaseModel):
    """A deployment that somebody may ask for now."""

    model_config = ConfigDict(frozen=True)

    kind: DeploymentKind
    colour: Colour


def list_possible(
    open_: Deployment | None, *, active: Colour, pair: tuple[Colour, Colour], is_carried_out: bool
) -> list[Possible]:
    """Return what may be begun or gone on with."""
    asked = [(DeploymentKind.PROMOTE, each) for each in pair]
    asked += [(DeploymentKind.DRAIN, each) for each in pair if each != active]
    asked += [(DeploymentKind.ROLLBACK, rolled_back_to(open_, active=active, pair=pair))]
    return [
        Possible(kind=kind, colour=colour)
        for kind, colour in asked
        if _is_possible(open_, kind, colour, is_carried_out=is_carried_out)
        and (open_ is not None or kind is not DeploymentKind.PROMOTE or colour != active)
    ]


def _is_possible(open_: Deployment | None, kind: DeploymentKind, colour: Colour, *, is_carried_out: bool) -> bool:
    try:
        admit(open_, kind, colour, is_carried_out=is_carried_out)
    except Conflict:
        return False
    return True


def rolled_back_to(open_: Deployment | None, *, active: Colour, pair: tuple[Colour, Colour]) -> Colour:
    """Return the colour that a rollback goes back to.

    What is open is taken back; without that it is the colour that is not the active one.
    """
    if open_ is not None and open_.kind is DeploymentKind.PROMOTE:
        return open_.from_colour
    if open_ is not None:
        return open_.colour
    return pair[1] if active == pair[0] else pair[0]


def runner_name(runner: str | None) -> str:
    """Return where a runner is, for people."""
    return (runner or "nobody").partition("|")[0]


def is_lease_over(deployment: Deployment, now: datetime) -> bool:
    """Return whether its runner has given no sign for too long."""
    return deployment.runner is None or deployment.runner_seen_at is None or now - deployment.runner_seen_at > LEASE


def facts_of(steps: Mapping[Step, StepRecord], step: Step) -> dict[str, Any]:
    """Return what is known of a step, done or under way."""
    return steps[step].facts if step in steps else {}
