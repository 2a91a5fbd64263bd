"""Shows both colours, and what is under way between them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from src.domain.colour import Colour
from src.domain.deployment import ColourWork, QueueState, Routing
from src.domain.deployment_steps import Deployment, Possible, list_possible
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.colour_facts import ColourWorker
from src.infrastructure.database.unit_of_work import Database

from .drains import backlog_of
from .lease import is_abandoned

if TYPE_CHECKING:
    from src.infrastructure.temporal.colour_gateway import ColourGateway

_POLLING = timedelta(seconds=75)  # a poll lasts up to a minute, and Temporal remembers one for five
_LAST = 5  # deployments that are shown


class Pollers(BaseModel):
    """How many workers ask for tasks of each kind; None: unknown."""

    model_config = ConfigDict(frozen=True)

    workflows: int | None
    activities: int | None


class ColourStatus(BaseModel):
    """A colour as it is now. None: that is not known."""

    model_config = ConfigDict(frozen=True)

    colour: Colour
    is_active: bool = Field(description="New work starts here.")
    canary_share: int | None = Field(description="In percent, while it is a canary.")
    versions: tuple[str, ...] = Field(description="Commits of the workers that live; several in the midst of a change.")
    workers: tuple[ColourWorker, ...]
    pollers: Pollers
    open: dict[str, int] | None = Field(description="Open workflows by kind.")
    stages: dict[str, int] = Field(description="Open articles by the stage that they are at.")
    oldest: datetime | None = Field(description="When the oldest open workflow began, of its newest history.")
    backlog: int | None = Field(description="Tasks that no worker took yet, about.")
    backlog_age: float | None = Field(description="Seconds that the oldest of them waits.")
    open_calls: int = Field(description="Model calls without a stored end; answers in a worker's files are among them.")
    schedules: int = Field(description="Sites whose schedule starts runs here.")

    @property
    def is_alive(self) -> bool:
        """Return whether a worker of it lives."""
        return any(worker.is_alive for worker in self.workers)

    @property
    def is_empty(self) -> bool:
        """Return whether it is known that nothing keeps it."""
        return self.open == {} and self.open_calls == 0 and self.backlog is not None and not self.blocking_tasks

    @property
    def blocking_tasks(self) -> int:
        """Return how many tasks wait that somebody may still need.

        Without an open workflow and without a worker they are of workflows that were ended.
        """
        return self.backlog or 0 if self.open or self.is_alive else 0


class DeployStatus(BaseModel):
    """Both colours, and the deployments between them."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    routing: Routing
    colours: tuple[ColourStatus, ...]
    deployment: Deployment | None = Field(description="The one that is open.")
    last: tuple[Deployment, ...] = Field(description="The newest, the open one among them.")
    possible: tuple[Possible, ...] = Field(description="What may be begun now, or gone on with.")

    def of(self, colour: Colour) -> ColourStatus:
        """Return the status of one colour."""
        return next(each for each in self.colours if each.colour == colour)


async def read_status(
    database: Database, colours: "ColourGateway", *, by: Principal, pair: tuple[Colour, Colour]
) -> DeployStatus:
    """Return both colours as they are. Raises NotPermitted."""
    by.require(Action.DEPLOYMENT_READ, None)
    async with database.unit_of_work() as uow:
        routing = await uow.routing.read()
        deployment = await uow.deployments.find_open()
        last = await uow.deployments.list_newest(limit=_LAST)
        scheduled = [each.colour for each in await uow.schedules.list_all()]
        now = await uow.deployments.now()
        is_carried_out = deployment is not None and not await is_abandoned(uow, deployment)
    return DeployStatus(
        at=now.astimezone(UTC),
        routing=routing,
        colours=tuple([await _read_colour(database, colours, each, routing, scheduled.count(each)) for each in pair]),
        deployment=deployment,
        last=tuple(last),
        possible=tuple(list_possible(deployment, active=routing.active, pair=pair, is_carried_out=is_carried_out)),
    )


async def _read_colour(
    database: Database, colours: "ColourGateway", colour: Colour, routing: Routing, schedules: int
) -> ColourStatus:
    work = await colours.describe_colour(colour)
    async with database.unit_of_work() as uow:
        workers = await uow.colours.list_workers(colour)
        stages = await uow.colours.count_stages(work.articles or ())
        calls = await uow.colours.count_open_calls(colour)
    canary = routing.canary
    return ColourStatus(
        colour=colour,
        is_active=routing.active == colour,
        canary_share=canary.share if canary is not None and canary.colour == colour else None,
        versions=tuple(sorted({each.code_version for each in workers if each.is_alive})),
        workers=tuple(workers),
        pollers=Pollers(workflows=_count(work.workflows), activities=_count(work.activities)),
        open=None if work.open is None else {each.kind.value: each.count for each in work.open},
        stages={stage.value: stages[stage] for stage in sorted(stages)},
        oldest=min((each.oldest for each in work.open or ()), default=None),
        backlog=backlog_of(work),
        backlog_age=_age(work),
        open_calls=calls,
        schedules=schedules,
    )


def _count(queue: QueueState | None) -> int | None:
    if queue is None:
        return None
    now = datetime.now(UTC)
    return len({each.identity for each in queue.pollers if now - each.seen_at < _POLLING})


def _age(work: ColourWork) -> float | None:
    if work.workflows is None or work.activities is None:
        return None
    return max(work.workflows.backlog_age, work.activities.backlog_age).total_seconds()
