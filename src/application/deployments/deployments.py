"""Promotes, drains and rolls back colours.

One deployment is open at a time. The lock of the routing's row is the one lock: it is taken to begin a deployment, to
change where new work starts, and (shared) to write a schedule.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from src.domain.colour import BLUE, GREEN, Colour
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import (
    Admission,
    Deployment,
    DeploymentOptions,
    Step,
    StepRecord,
    admit,
    rolled_back_to,
)
from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from ..contracts import rollback_refusal
from ..schedules import Schedules
from .lease import Lease, is_abandoned, new_runner
from .pace import Pace
from .status import DeployStatus, read_status
from .steps import Outcome, Steps

if TYPE_CHECKING:
    from src.infrastructure.temporal.colour_gateway import ColourGateway
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

Tell = Callable[[Deployment], None]

_ACTIONS = {
    DeploymentKind.PROMOTE: Action.DEPLOYMENT_PROMOTE,
    DeploymentKind.DRAIN: Action.DEPLOYMENT_DRAIN,
    DeploymentKind.ROLLBACK: Action.DEPLOYMENT_ROLLBACK,
}


class Deployments:
    """Deployments as one person begins and carries them out."""

    def __init__(
        self,
        database: Database,
        colours: "ColourGateway",
        workflows: "WorkflowGateway",
        schedules: Schedules,
        *,
        by: Principal,
        pair: tuple[Colour, Colour] = (BLUE, GREEN),
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._colours = colours
        self._workflows = workflows
        self._schedules = schedules
        self._by = by
        self._pair = pair
        self._pace = pace or Pace()

    async def status(self) -> DeployStatus:
        """Return both colours, and what is open. Raises NotPermitted."""
        return await read_status(self._database, self._colours, by=self._by, pair=self._pair)

    async def get(self, deployment_id: UUID) -> Deployment:
        """Return a deployment. Raises NotFound, and NotPermitted."""
        self._by.require(Action.DEPLOYMENT_READ, None)
        async with self._database.unit_of_work() as uow:
            return await uow.deployments.get(deployment_id)

    async def find_rollback(self) -> Colour:
        """Return the colour that a rollback would go back to. Raises NotPermitted."""
        self._by.require(Action.DEPLOYMENT_READ, None)
        async with self._database.unit_of_work() as uow:
            active, open_ = (await uow.routing.read()).active, await uow.deployments.find_open()
        return rolled_back_to(open_, active=active, pair=self._pair)

    async def promote(self, colour: Colour, *, options: DeploymentOptions | None = None) -> Deployment:
        """Begin to give the colour all new work, or go on.

        ``options`` are those of a new one; one that is gone on with keeps its own. Raises NotPermitted, and Conflict
        while somebody else has a deployment.
        """
        return await self._begin(DeploymentKind.PROMOTE, lambda *_: colour, options or DeploymentOptions())

    async def drain(self, colour: Colour, *, fast: bool = False) -> Deployment:
        """Begin to empty the colour, or go on with that.

        Raises NotPermitted, and Conflict for the active colour and while somebody else has a deployment.
        """
        options = DeploymentOptions(fast=fast)
        return await self._begin(DeploymentKind.DRAIN, lambda *_: colour, options)

    async def roll_back(self, *, fast: bool = False) -> Deployment:
        """Begin to go back to the other colour, or go on.

        Raises NotPermitted, and Conflict while somebody else rolls back, or if that colour's code does not know a
        migration that took something away.
        """
        target = await self.find_rollback()
        if refusal := await rollback_refusal(self._database, target):
            raise Conflict(ConflictReason.COLOUR_OUTDATED, target, migration=refusal.migration)
        options = DeploymentOptions(fast=fast, has_gate=False)
        return await self._begin(
            DeploymentKind.ROLLBACK,
            lambda open_, active: rolled_back_to(open_, active=active, pair=self._pair),
            options,
        )

    async def _begin(
        self,
        kind: DeploymentKind,
        choose: Callable[[Deployment | None, Colour], Colour],
        options: DeploymentOptions,
    ) -> Deployment:
        self._by.require(_ACTIONS[kind], None)
        async with self._database.unit_of_work(autocommit=False) as uow:
            active = (await uow.routing.lock()).active
            open_ = await uow.deployments.find_open()
            colour = choose(open_, active)
            self._require_sound(kind, colour, active)
            if kind is DeploymentKind.ROLLBACK:
                await self._require_usable_schema(colour)
            is_carried_out = open_ is not None and not await is_abandoned(uow, open_)
            admission = admit(open_, kind, colour, is_carried_out=is_carried_out)
            begun = await self._admit(uow, admission, open_, kind, colour, options, active)
            await uow.commit()
        return begun

    def _require_sound(self, kind: DeploymentKind, colour: Colour, active: Colour) -> None:
        if colour not in self._pair:
            raise InputInvalid("colour", colour, f"write {' or '.join(self._pair)}", reason="unknown")
        if kind is DeploymentKind.DRAIN and colour == active:
            raise Conflict(ConflictReason.COLOUR_ACTIVE, colour, hint=Hint.PROMOTE_OTHER)

    async def _require_usable_schema(self, colour: Colour) -> None:
        """Raise Conflict for code that does not know the last contract migration."""
        if refusal := await rollback_refusal(self._database, colour):
            workers = ", ".join(refusal.workers)
            raise Conflict(ConflictReason.CODE_TOO_OLD, refusal.migration, workers=workers)

    async def _admit(
        self,
        uow: UnitOfWork,
        admission: Admission,
        open_: Deployment | None,
        kind: DeploymentKind,
        colour: Colour,
        options: DeploymentOptions,
        active: Colour,
    ) -> Deployment:
        runner = new_runner()
        if admission is Admission.RESUMED:
            assert open_ is not None  # noqa: S101 - it is what is resumed
            return await self._resume(uow, open_, runner, options)
        if open_ is not None:
            await uow.deployments.supersede(open_.id)
        if kind is DeploymentKind.PROMOTE and colour == active:
            options = options.model_copy(update={"has_gate": False, "share": None})  # it has the work already
        begun = await uow.deployments.add(
            kind, colour, from_colour=self._other(colour), options=options, runner=runner, by=self._by.name
        )
        ended = {"superseded": str(open_.id)} if open_ else {}
        await self._record(uow, begun, after={"deployment": str(begun.id), **_options(options), **ended})
        return begun

    async def _resume(self, uow: UnitOfWork, open_: Deployment, runner: str, options: DeploymentOptions) -> Deployment:
        """Go on with what is open, also with one that asks."""
        kept = open_.options.model_copy(update={"fast": open_.options.fast or options.fast})
        taken = await uow.deployments.take(open_.id, runner, options=kept)
        if open_.status is DeploymentStatus.HOLDING:
            record = taken.steps[Step.CANARY]
            facts = record.facts | {"accepted_by": self._by.name}
            accepted = record.model_copy(update={"done_at": await uow.deployments.now(), "facts": facts})
            await uow.deployments.note(taken.id, runner, Step.CANARY, accepted)
            await uow.deployments.explain(taken.id, runner, None)
            await self._record(uow, taken, after={"deployment": str(taken.id), "accepted": open_.reason})
        return await uow.deployments.get(taken.id)

    async def carry_out(
        self, deployment: Deployment, *, tell: Tell | None = None, wait_for: timedelta | None = None
    ) -> Deployment:
        """Carry out what this process began; return how far it came.

        ``tell`` hears of each step once it is on record. With ``wait_for`` the wait for an empty colour ends after
        that; the deployment stays open.

        Raises Conflict once somebody else has it, and EngineUnavailable; whoever asks for the same goes on there.
        """
        tell = tell or _silent
        lease = Lease(self._database, deployment)
        until = None if wait_for is None else datetime.now(UTC) + wait_for
        steps = Steps(
            self._database,
            self._colours,
            self._workflows,
            self._schedules,
            lease=lease,
            pace=self._pace,
            by=self._by,
            action=_ACTIONS[deployment.kind],
            until=until,
            tell=tell,
        )
        async with lease.kept(self._pace.beat):
            while (step := lease.deployment.next_step) is not None:
                outcome = await self._take_step(step, steps, lease, tell)
                if outcome.asks is not None or not outcome.is_done:
                    break
            else:
                await self._end(lease)
            tell(lease.deployment)
        async with self._database.unit_of_work() as uow:
            return await uow.deployments.get(deployment.id)

    async def _take_step(self, step: Step, steps: Steps, lease: Lease, tell: Tell) -> Outcome:
        """Carry out one step, and put on record what came of it."""
        record = lease.deployment.steps.get(step) or StepRecord(begun_at=datetime.now(UTC))
        await lease.note(step, record)
        tell(lease.deployment)
        outcome = await steps.carry_out(step)
        is_done = outcome.is_done and outcome.asks is None and outcome.refused is None
        done_at = datetime.now(UTC) if is_done else None
        await lease.note(step, record.model_copy(update={"done_at": done_at, "facts": outcome.facts}))
        if outcome.refused is not None:
            await lease.refuse(outcome.refused)
        if outcome.asks is not None:
            await lease.hold(outcome.asks)
        tell(lease.deployment)
        return outcome

    async def _end(self, lease: Lease) -> None:
        deployment = lease.deployment
        status = DeploymentStatus.REFUSED if deployment.is_refused else DeploymentStatus.DONE
        async with self._database.unit_of_work(autocommit=False) as uow:
            await lease.require(uow)
            await uow.deployments.end(deployment.id, deployment.runner or "", status)
            after = {"deployment": str(deployment.id), "status": status.value, "reason": deployment.reason}
            await self._record(uow, deployment, after=after)
            lease.deployment = await uow.deployments.get(deployment.id)
            await uow.commit()

    async def _record(self, uow: UnitOfWork, deployment: Deployment, *, after: dict[str, Any]) -> None:
        await uow.audit.record(_ACTIONS[deployment.kind], deployment.colour, by=self._by, after=after)

    def _other(self, colour: Colour) -> Colour:
        return self._pair[1] if colour == self._pair[0] else self._pair[0]


def _options(options: DeploymentOptions) -> dict[str, Any]:
    return options.model_dump(mode="json", exclude_defaults=True)


def _silent(_: Deployment) -> None:
    """Keep it to itself."""
