"""Promote, drain and rollback on real servers: cut off after any step, each ends consistent when it is repeated."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import time, timedelta

import pytest
from temporalio.client import Client

from src.application.deployments import Deployments, Pace
from src.bootstrap import Application, build_worker, register_worker, worker_identity
from src.domain.colour import Colour
from src.domain.deployment import DeploymentStatus, Routing
from src.domain.deployment_steps import Deployment, Step
from src.domain.principal import Principal
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.llm.providers import Providers
from src.settings import OfflineSettings, Settings
from tests.applications import ANNA
from tests.eventually import eventually
from tests.factories import a_site

from .conftest import Batches, reported

PACE = Pace(
    beat=timedelta(seconds=1),
    look=timedelta(milliseconds=200),
    settled=timedelta(milliseconds=500),
    judging=timedelta(milliseconds=300),
    patience=timedelta(seconds=5),
    gate=timedelta(seconds=20),
)
DAILY = ScheduleChange(times=(time(6),))
Working = Callable[..., AbstractAsyncContextManager[None]]


class CutOff(Exception):
    """What a process that is killed would not even raise."""


@pytest.fixture
def other(colour: Colour) -> Colour:
    return Colour(f"{colour}-next")


@pytest.fixture
async def routed(database: Database, colour: Colour) -> Routing:
    """New work starts on the test's colour."""
    async with database.unit_of_work() as uow:
        await uow.routing.lock()
        await uow.routing.change(Routing(active=colour), by="test")
        return await uow.routing.read()


@pytest.fixture
def working(client: Client, database: Database, temporal_server: TemporalServer, settings: Settings) -> Working:
    """Run a worker that is registered, as a process of its own is."""

    @asynccontextmanager
    async def working(on: Colour, *, latency: float = 0, slots: int = 8, **changes: object) -> AsyncIterator[None]:
        limits = {"model_slots": slots, "shutdown_grace": timedelta(seconds=20)}
        changed = settings.model_copy(update={"offline": OfflineSettings(latency_seconds=latency), **limits, **changes})
        application = Application(changed, database, client, temporal_server, Principal.worker(worker_identity(on)))
        registration = register_worker(application, colour=on)
        await registration.register()
        async with Providers(changed) as providers, build_worker(application, providers, colour=on, strict=True):
            yield
        await registration.say_goodbye()

    return working


@pytest.fixture
def deployments(application: Application, routed: Routing, colour: Colour, other: Colour) -> Deployments:
    return deploying(application, colour, other)


def deploying(application: Application, colour: Colour, other: Colour, who: Principal = ANNA) -> Deployments:
    return Deployments(
        application.database,
        application.colours,
        application.workflows,
        application.schedules,
        by=who,
        pair=(colour, other),
        pace=PACE,
    )


@pytest.fixture
async def scheduled(application: Application, routed: Routing, colour: Colour) -> AsyncIterator[list[str]]:
    """Two sites with schedules."""
    sites = [f"{colour}-a", f"{colour}-b"]
    for site in sites:
        await schedule(application, site)
    yield sites
    for site in sites:
        await application.schedules.remove(site)


async def schedule(application: Application, site: str) -> None:
    async with application.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=site, base_url=f"https://{site}.example"))
    await application.schedules.set(site, DAILY)


async def test_a_promotion_moves_new_starts_schedules_and_reviews(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    scheduled: list[str],
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=3)
    async with working(colour), working(other):
        await reported(await batches.start(site))
        await reviews_on(application, colour, 3)
        done = await deployments.carry_out(await deployments.promote(other))
        assert (done.status, done.reason) == (DeploymentStatus.DONE, None)
        assert list(done.steps) == [Step.CHECKS, Step.GATE, Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS]
        await reviews_on(application, other, 3)
        drained = await deployments.carry_out(await deployments.drain(colour))
    assert drained.status is DeploymentStatus.DONE
    assert await active(application.database) == Routing(active=other)
    assert await colours_of_schedules(application, scheduled) == {other}
    assert await probes(application.database) == 0


@pytest.mark.parametrize("after", [Step.CHECKS, Step.GATE, Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS])
async def test_a_promotion_that_is_cut_off_after_a_step_goes_on_there(
    application: Application,
    deployments: Deployments,
    working: Working,
    scheduled: list[str],
    colour: Colour,
    other: Colour,
    after: Step,
) -> None:
    def cut_off(deployment: Deployment) -> None:
        if deployment.is_done(after):
            raise CutOff

    async with working(colour), working(other):
        with pytest.raises(CutOff):
            await deployments.carry_out(await deployments.promote(other), tell=cut_off)
        seen: list[Deployment] = []
        done = await deployments.carry_out(await deployments.promote(other), tell=seen.append)
    assert done.status is DeploymentStatus.DONE
    assert seen[0].is_done(after)
    assert await active(application.database) == Routing(active=other)
    assert await colours_of_schedules(application, scheduled) == {other}


async def active(database: Database) -> Routing:
    async with database.unit_of_work() as uow:
        return (await uow.routing.read()).model_copy(update={"changed_at": None})


async def colours_of_schedules(application: Application, sites: list[str]) -> set[Colour]:
    return {(await application.schedules.get(site)).colour for site in sites}


async def probes(database: Database) -> int:
    async with database.seeing_probes().unit_of_work() as uow:
        return len(await uow.probes.list_ids())


async def reviews_on(application: Application, colour: Colour, count: int) -> None:
    """Wait until so many reviews are open on the colour; Temporal's lists lag behind."""

    async def are_there() -> bool:
        work = await application.colours.describe_colour(colour)
        open_ = {each.kind.value: each.count for each in work.open or ()}
        return open_.get("review", 0) == count

    await eventually(are_there)
