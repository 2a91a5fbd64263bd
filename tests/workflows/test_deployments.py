"""Promote, drain and rollback on real servers: cut off after any step, each ends consistent when it is repeated."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import time, timedelta

import pytest
from sqlalchemy import text
from temporalio.client import Client

from src.application.deployments import Deployments, Pace
from src.application.deployments.status import DeployStatus, Pollers
from src.bootstrap import Application, build_worker, register_worker, worker_identity
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.deployment import Canary, DeploymentKind, DeploymentStatus, Routing
from src.domain.deployment_steps import Deployment, DeploymentOptions, Step, facts_of
from src.domain.errors import Conflict, ConflictReason
from src.domain.hold import HoldState
from src.domain.principal import Principal
from src.domain.probe import PROBE_KEYWORD
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from src.settings import OfflineSettings, Settings
from tests.applications import ANNA
from tests.eventually import eventually
from tests.factories import PHRASES, a_site

from .conftest import Batches, BatchHandle, reported
from .test_batch import articles_of

NO_GATE = DeploymentOptions(has_gate=False)
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


@pytest.mark.parametrize("after", [Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS, Step.HAND_OVER, Step.EMPTY])
async def test_a_rollback_that_is_cut_off_after_a_step_goes_on_there(
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
        await deployments.carry_out(await deployments.promote(other, options=NO_GATE))
        with pytest.raises(CutOff):
            await deployments.carry_out(await deployments.roll_back(), tell=cut_off)
        done = await deployments.carry_out(await deployments.roll_back())
    assert (done.status, done.colour) == (DeploymentStatus.DONE, colour)
    assert await active(application.database) == Routing(active=colour)
    assert await colours_of_schedules(application, scheduled) == {colour}


async def test_a_drain_passes_on_what_was_not_begun_and_waits_for_the_rest(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=6)
    async with working(colour, latency=0.4, slots=2), working(other):
        handle = await batches.start(site)
        await generating(application.database, site, 2)
        await deployments.carry_out(await deployments.promote(other, options=NO_GATE))
        begun = await deployments.drain(colour)
        seen: list[Deployment] = []
        drained = await deployments.carry_out(begun, tell=seen.append)
        report = await reported(handle)
    assert drained.status is DeploymentStatus.DONE
    assert any(facts_of(each.steps, Step.EMPTY).get("open") for each in seen), "it waited while there was something"
    assert facts_of(drained.steps, Step.EMPTY)["open"] == {}
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 6, 24)
    made = await colours_of_articles(application.database, site)
    assert made == {colour: 2, other: 4}
    await reviews_on(application, other, 6)


async def test_what_a_dead_worker_had_goes_on_at_the_other_colour(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=2)
    handle = await batches.start(site)  # no worker of its colour ever lived
    async with working(other):
        await deployments.carry_out(await deployments.promote(other))
        drained = await deployments.carry_out(await deployments.drain(colour))
        report = await reported(handle_of(batches, handle.id))
    assert drained.status is DeploymentStatus.DONE
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 2)


async def test_the_time_to_wait_for_a_drain_ends_without_it(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=1)
    async with working(colour, latency=1), working(other):
        handle = await batches.start(site)
        await generating(application.database, site, 1)
        await deployments.carry_out(await deployments.promote(other, options=NO_GATE))
        waits = await deployments.carry_out(await deployments.drain(colour), wait_for=timedelta(0))
        assert (waits.status, waits.runner, waits.next_step) == (DeploymentStatus.RUNNING, None, Step.EMPTY)
        drained = await deployments.carry_out(await deployments.drain(colour))
        await reported(handle)
    assert (drained.id, drained.status) == (waits.id, DeploymentStatus.DONE)


async def test_a_rollback_in_the_middle_of_a_drain_takes_all_back(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    scheduled: list[str],
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=4)
    async with working(colour, latency=0.4, slots=2), working(other, latency=0.4, slots=2):
        handle = await batches.start(site)
        await generating(application.database, site, 2)
        await deployments.carry_out(await deployments.promote(other, options=NO_GATE))
        draining = asyncio.create_task(deployments.carry_out(await deployments.drain(colour)))
        await eventually(lambda: is_begun(application.database, Step.EMPTY))
        back = deploying(application, colour, other)
        rolled_back = await back.carry_out(await back.roll_back())
        with pytest.raises(Conflict) as error:
            await draining
        report = await reported(handle)
    assert error.value.reason is ConflictReason.DEPLOYMENT_LOST
    assert rolled_back.status is DeploymentStatus.DONE
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, 16)
    assert await active(application.database) == Routing(active=colour)
    assert await colours_of_schedules(application, scheduled) == {colour}
    await reviews_on(application, colour, 4)
    assert await statuses(application.database) == [
        (DeploymentKind.ROLLBACK, DeploymentStatus.DONE),
        (DeploymentKind.DRAIN, DeploymentStatus.SUPERSEDED),
        (DeploymentKind.PROMOTE, DeploymentStatus.DONE),
    ]


async def test_nobody_promotes_during_a_rollback_and_it_ends(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    async with working(colour), working(other):
        await deployments.carry_out(await deployments.promote(other, options=NO_GATE))
        begun = await deployments.roll_back()
        with pytest.raises(Conflict) as error:
            await deployments.promote(other)
        assert error.value.reason is ConflictReason.DEPLOYMENT_OPEN
        done = await deployments.carry_out(begun)
        again = await deployments.carry_out(await deployments.promote(other))
    assert (done.status, again.status) == (DeploymentStatus.DONE, DeploymentStatus.DONE)
    assert await active(application.database) == Routing(active=other)


async def test_of_two_who_promote_at_once_one_wins(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    async with working(other):
        both = await asyncio.gather(
            deployments.promote(other, options=NO_GATE),
            deploying(application, colour, other).promote(other, options=NO_GATE),
            return_exceptions=True,
        )
        (lost,) = (each for each in both if isinstance(each, Conflict))
        (won,) = (each for each in both if isinstance(each, Deployment))
        assert lost.reason is ConflictReason.DEPLOYMENT_UNDER_WAY
        assert "by anna" in lost.message
        assert (await deployments.carry_out(won)).status is DeploymentStatus.DONE


async def test_a_schedule_that_is_made_meanwhile_starts_on_the_new_colour(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    made: list[str] = []

    async with working(other):
        begun = await deployments.promote(other, options=NO_GATE)
        makes = [schedule(application, f"{colour}-{number}") for number in range(4)]
        promoting = asyncio.create_task(deployments.carry_out(begun))
        await asyncio.gather(*makes)
        done = await promoting
    try:
        made = [f"{colour}-{number}" for number in range(4)]
        assert done.status is DeploymentStatus.DONE
        assert await colours_of_schedules(application, made) == {other}
    finally:
        for site in made:
            await application.schedules.remove(site)


async def test_a_colour_without_workers_is_refused_and_nothing_changes(
    application: Application, deployments: Deployments, colour: Colour, other: Colour
) -> None:
    refused = await deployments.carry_out(await deployments.promote(other))
    assert (refused.status, refused.reason) == (DeploymentStatus.REFUSED, "no_worker")
    assert list(refused.steps) == [Step.CHECKS]
    assert await active(application.database) == Routing(active=colour)
    with pytest.raises(Conflict) as error:
        await deployments.drain(colour)
    assert error.value.reason is ConflictReason.COLOUR_ACTIVE


async def test_a_failed_gate_refuses_and_leaves_nothing_of_the_probe(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    async with working(other, fail_keywords=(PROBE_KEYWORD,)):
        refused = await deployments.carry_out(await deployments.promote(other))
    assert refused.status is DeploymentStatus.REFUSED
    assert (refused.reason or "").startswith("gate_failed: stage C, ModelBadRequest")
    assert await active(application.database) == Routing(active=colour)
    assert await probes(application.database) == 0


async def test_a_gate_removes_what_one_that_was_killed_left(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    async with application.database.seeing_probes().unit_of_work() as uow:
        left = await uow.probes.plant(other, workflow_id="gate")
    await application.workflows.start_article(left, colour=colour, hold=HoldState())  # nobody takes it
    async with working(other):
        done = await deployments.carry_out(await deployments.promote(other))
    assert done.status is DeploymentStatus.DONE
    assert await probes(application.database) == 0
    assert not await application.workflows.is_running(ids.article(left.article_id))


async def test_a_canary_that_fails_is_rolled_back_by_itself(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=8)
    async with working(colour, latency=0.1, slots=2), working(other, latency=0.1, fail_keywords=tuple(PHRASES)):
        options = DeploymentOptions(share=99, has_gate=False)
        promoting = asyncio.create_task(deployments.carry_out(await deployments.promote(other, options=options)))
        await eventually(lambda: is_canary(application.database))
        handle = await batches.start(site)
        refused = await promoting
        await handle.cancel()
        await eventually(lambda: has_ended(application, handle.id))
    assert refused.status is DeploymentStatus.REFUSED
    assert refused.reason == "unknown_error: ModelBadRequest"
    assert refused.is_done(Step.EMPTY)
    assert await active(application.database) == Routing(active=colour)


async def test_too_few_articles_ask_a_person_who_may_go_on_or_give_up(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    options = DeploymentOptions(share=10, longest=timedelta(milliseconds=200), has_gate=False)
    async with working(colour), working(other):
        asks = await deployments.carry_out(await deployments.promote(other, options=options))
        assert (asks.status, asks.reason) == (DeploymentStatus.HOLDING, "too_few_articles")
        assert await active(application.database) == Routing(active=colour, canary=Canary(colour=other, share=10))
        gives_up = await deployments.carry_out(await deployments.roll_back())
        assert gives_up.status is DeploymentStatus.DONE
        assert await active(application.database) == Routing(active=colour)

        asks = await deployments.carry_out(await deployments.promote(other, options=options))
        goes_on = await deployments.carry_out(await deployments.promote(other))
    assert (goes_on.id, goes_on.status, goes_on.reason) == (asks.id, DeploymentStatus.DONE, None)
    assert facts_of(goes_on.steps, Step.CANARY)["accepted_by"] == "anna"
    assert await active(application.database) == Routing(active=other)


async def test_a_deployment_is_in_the_audit_trail(
    application: Application, deployments: Deployments, working: Working, colour: Colour, other: Colour
) -> None:
    async with working(other):
        done = await deployments.carry_out(await deployments.promote(other))
    async with application.database.unit_of_work() as uow:
        events = await uow.audit.list_for("deployment", other)
    assert [(event.who, event.action) for event in events] == [("anna", "promote")] * 3
    assert [event.after for event in events] == [
        {"deployment": str(done.id)},
        {"active": other, "canary": None},
        {"deployment": str(done.id), "status": "done", "reason": None},
    ]


async def test_the_status_shows_both_colours(
    application: Application,
    deployments: Deployments,
    working: Working,
    batches: Batches,
    colour: Colour,
    other: Colour,
) -> None:
    site = await batches.site(keywords=1)
    async with working(colour, latency=1), working(other):
        handle = await batches.start(site)
        await generating(application.database, site, 1)

        async def has_both() -> DeployStatus | None:
            found = await deployments.status()
            return (
                found if (found.of(colour).open or {}).get("article") and found.of(other).pollers.activities else None
            )

        status = await eventually(has_both)
        assert status is not None
        await reported(handle)
    assert (status.of(colour).is_active, status.of(other).is_active) == (True, False)
    assert sum(status.of(colour).stages.values()) == 1
    assert status.of(colour).open == {"batch": 1, "article": 1}
    assert status.of(colour).open_calls == 1
    assert status.of(other).is_empty
    assert status.of(other).pollers == Pollers(workflows=1, activities=1)
    assert [worker.polls for worker in status.of(other).workers] == [True]


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


async def statuses(database: Database) -> list[tuple[DeploymentKind, DeploymentStatus]]:
    async with database.unit_of_work() as uow:
        return [(each.kind, each.status) for each in await uow.deployments.list_newest(limit=10)]


async def is_begun(database: Database, step: Step) -> bool:
    async with database.unit_of_work() as uow:
        open_ = await uow.deployments.find_open()
    return open_ is not None and step in open_.steps


async def is_canary(database: Database) -> bool:
    return (await active(database)).canary is not None


async def generating(database: Database, site: Site, count: int) -> None:
    async def are() -> bool:
        found = await articles_of(database, site.slug)
        return sum(article.status is ArticleStatus.GENERATING for article in found) >= count

    await eventually(are)


async def colours_of_articles(database: Database, site: Site) -> Counter[Colour]:
    async with database.engine.connect() as connection:
        rows = await connection.scalars(text("SELECT colour FROM articles WHERE site = :site"), {"site": site.slug})
        return Counter(rows.all())


async def has_ended(application: Application, workflow_id: str) -> bool:
    return not await application.workflows.is_running(workflow_id)


def handle_of(batches: Batches, workflow_id: str) -> BatchHandle:
    """Return the newest run of a batch: another may have taken its place."""
    return batches._client.get_workflow_handle_for(SiteBatchWorkflow.run, workflow_id)
