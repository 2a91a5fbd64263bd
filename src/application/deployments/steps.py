"""What each step of a deployment does; any may be repeated."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from src.domain.canary import CanaryJudgement, CanaryVerdict
from src.domain.deployment import Canary, Routing
from src.domain.deployment_steps import Deployment, Step, StepRecord, facts_of
from src.domain.errors import EngineUnavailable, Hint, NotFound
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database

from ..schedules import Schedules
from .canaries import Canaries
from .checks import Checks
from .drains import Drains, HandedOver
from .gate import Gate
from .lease import Lease
from .pace import Pace

if TYPE_CHECKING:
    from src.infrastructure.temporal.colour_gateway import ColourGateway
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()

_ROUNDS = 5  # in which schedules that were changed meanwhile are moved again


@dataclass(frozen=True)
class Outcome:
    """How a step ended.

    Attributes:
        refused: why the deployment goes back; None: it goes on.
        asks: why a person has to say how it goes on.
        is_done: False where the time to wait was over before.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None
    asks: str | None = None
    is_done: bool = True


class Steps:
    """The steps of one deployment, which this process holds."""

    def __init__(  # noqa: PLR0913 - each is a part that the composition root made
        self,
        database: Database,
        colours: "ColourGateway",
        workflows: "WorkflowGateway",
        schedules: Schedules,
        *,
        lease: Lease,
        pace: Pace,
        by: Principal,
        action: Action,
        until: datetime | None,
        tell: Callable[[Deployment], None],
    ) -> None:
        """``until`` is when waiting for an empty colour ends; None: never."""
        self._database = database
        self._colours = colours
        self._workflows = workflows
        self._schedules = schedules
        self._drains = Drains(database, colours, schedules)
        self._lease = lease
        self._pace = pace
        self._by = by
        self._action = action
        self._until = until
        self._tell = tell

    async def carry_out(self, step: Step) -> Outcome:
        """Carry the step out.

        Raises Conflict when the deployment is another's meanwhile, and EngineUnavailable.
        """
        do: dict[Step, Callable[[], Awaitable[Outcome]]] = {
            Step.CHECKS: self._check,
            Step.GATE: self._try_out,
            Step.CANARY: self._run_canary,
            Step.NEW_STARTS: self._move_new_starts,
            Step.SCHEDULES: self._move_schedules,
            Step.REVIEWS: self._move_reviews,
            Step.HAND_OVER: self._hand_over,
            Step.EMPTY: self._wait_until_empty,
        }
        return await do[step]()

    # --- before anything changes

    async def _check(self) -> Outcome:
        checks = Checks(self._database, self._colours, self._pace)
        problem, facts = await checks.check(self._lease.deployment.target)
        return Outcome(facts, refused=problem)

    async def _try_out(self) -> Outcome:
        gate = Gate(self._database, self._workflows, self._pace)
        return Outcome(refused=await gate.try_out(self._lease.deployment.target))

    async def _run_canary(self) -> Outcome:
        deployment = self._lease.deployment
        facts = facts_of(deployment.steps, Step.CANARY)
        if "since" not in facts:
            since = await self._route(Routing(active=deployment.from_colour, canary=self._canary()))
            facts = {"since": since.isoformat(), "until": (since + deployment.options.longest).isoformat()}
            await self._note(Step.CANARY, facts)
        await self._tell_parents()
        return await self._judge(facts)

    def _canary(self) -> Canary:
        deployment = self._lease.deployment
        assert deployment.options.share is not None  # noqa: S101 - the plan has this step for a share alone
        return Canary(colour=deployment.colour, share=deployment.options.share)

    async def _judge(self, facts: dict[str, Any]) -> Outcome:
        """Look at the canary until there is a verdict."""
        deployment, canaries = self._lease.deployment, Canaries(self._database, self._workflows)
        since, until = (datetime.fromisoformat(facts[name]) for name in ("since", "until"))
        while True:
            judged = await self._try_to_judge(canaries, since, is_over=datetime.now(UTC) >= until)
            if judged is not None:
                facts = facts | {"judgement": judged.model_dump(mode="json")}
                await self._note(Step.CANARY, facts)
                if judged.verdict is not CanaryVerdict.WAITING:
                    break
            await asyncio.sleep(min(self._pace.judging, deployment.options.longest).total_seconds())
        reason = _words(judged)
        match judged.verdict:
            case CanaryVerdict.REFUSED:
                return Outcome(facts, refused=reason)
            case CanaryVerdict.INCONCLUSIVE:
                return Outcome(facts, asks=reason)
        return Outcome(facts)

    async def _try_to_judge(self, canaries: Canaries, since: datetime, *, is_over: bool) -> CanaryJudgement | None:
        """Return the verdict, None while Temporal is away."""
        deployment = self._lease.deployment
        try:
            return await canaries.judge(deployment.colour, old=deployment.from_colour, since=since, is_over=is_over)
        except EngineUnavailable as error:
            log.warning("canary_not_judged", error=error.message)
            return None

    # --- where new work starts

    async def _move_new_starts(self) -> Outcome:
        target = self._lease.deployment.target
        await self._route(Routing(active=target))
        async with self._database.unit_of_work() as uow:
            workers = await uow.colours.list_workers(target)
        told = await self._tell_parents()
        return Outcome({"told": told, "workers": sum(worker.is_alive for worker in workers)})

    async def _route(self, wanted: Routing) -> datetime:
        """Store where new work starts; return when."""
        deployment = self._lease.deployment
        async with self._database.unit_of_work(autocommit=False) as uow:
            before = await uow.routing.lock()
            await self._lease.require(uow)
            if (before.active, before.canary) != (wanted.active, wanted.canary):
                await uow.routing.change(wanted, by=self._by.name)
                await uow.audit.record(
                    self._action, deployment.colour, by=self._by, before=_shown(before), after=_shown(wanted)
                )
            now = await uow.deployments.now()
            await uow.commit()
        return now

    async def _tell_parents(self) -> int:
        """Signal running batches the routing; return how many took it."""
        async with self._database.unit_of_work() as uow:
            batches, routing = await uow.batches.list_running(), await uow.routing.read()
        return await self._colours.tell_routing(batches, routing)

    async def _move_schedules(self) -> Outcome:
        target, moved = self._lease.deployment.target, 0
        for _ in range(_ROUNDS):
            elsewhere = await self._schedules.list_elsewhere(target)
            if not elsewhere:
                return Outcome({"moved": moved})
            for site in elsewhere:
                moved += await self._move_schedule(site)
                await self._note(Step.SCHEDULES, {"moved": moved})
        raise EngineUnavailable(f"schedules do not stay on {target}", hint=Hint.REPEAT)

    async def _move_schedule(self, site: str) -> bool:
        try:
            if await self._schedules.move(site, self._lease.deployment.target):
                return True
        except NotFound:
            return False  # somebody removed it meanwhile
        async with self._database.unit_of_work() as uow:  # the other colour is active: not by this deployment
            await self._lease.require(uow)
        return False

    async def _move_reviews(self) -> Outcome:
        deployment = self._lease.deployment
        handed = await self._drains.hand_over_waiting(deployment.emptied, to=deployment.target)
        return Outcome(_counts(handed))

    # --- emptying the other colour

    async def _hand_over(self) -> Outcome:
        deployment = self._lease.deployment
        handed = await self._drains.hand_over(deployment.emptied, to=deployment.target, fast=deployment.options.fast)
        return Outcome(_counts(handed))

    async def _wait_until_empty(self) -> Outcome:
        """Hand over what comes, until nothing is left twice in a row."""
        deployment, empty, handed = self._lease.deployment, 0, HandedOver()
        while True:
            handed += await self._drains.try_to_hand_over(
                deployment.emptied, to=deployment.target, fast=deployment.options.fast
            )
            rest = await self._drains.look(deployment.emptied)
            facts = rest.model_dump(mode="json") | {"handed_over": _counts(handed)}
            await self._note(Step.EMPTY, facts)
            empty = empty + 1 if rest.is_nothing else 0
            if empty > 1:
                return Outcome(facts)
            if self._until is not None and datetime.now(UTC) >= self._until:
                return Outcome(facts, is_done=False)
            await asyncio.sleep((self._pace.settled if empty else self._pace.look).total_seconds())

    async def _note(self, step: Step, facts: dict[str, Any]) -> None:
        """Put on record how far a step is that takes long."""
        begun_at = self._lease.deployment.steps[step].begun_at
        await self._lease.note(step, StepRecord(begun_at=begun_at, facts=facts))
        self._tell(self._lease.deployment)


def _words(judged: CanaryJudgement) -> str:
    """Return the reason as a code, with its detail."""
    return f"{judged.reason}: {judged.detail}" if judged.detail else str(judged.reason)


def _shown(routing: Routing) -> dict[str, Any]:
    return routing.model_dump(mode="json", include={"active", "canary"})


def _counts(handed: HandedOver) -> dict[str, int]:
    return {name: count for name, count in handed.model_dump().items() if count}
