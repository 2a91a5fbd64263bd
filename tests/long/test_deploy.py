"""New code goes live under load, beside the last landing's and a later version's: nothing is lost or doubled."""

import asyncio
import getpass
import json
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, HTTPError
from temporalio.client import Client

from bench import workload
from bench.model_server import ModelServer
from src.application.reviews import list_reviews
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.colour import BLUE, GREEN, Colour
from src.domain.deployment_steps import Deployment, Step
from src.domain.longtail import Longtail as Keyword
from src.domain.review import Verdict
from src.domain.site import ModelChoice
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import client as temporal_client
from src.settings import Settings
from tests.applications import ANNA, an_application
from tests.engines import Engines
from tests.eventually import eventually
from tests.finished_articles import SITE, finished_articles, save
from tests.story.conftest import Longtail, Records, Running
from tests.story.test_api import address_of

from .other_code import PREVIOUS_SCHEMA, unpack_previous, write_next

SHOPS = ("brick-shop", "door-shop", "lamp-shop", "tile-shop")
EACH = 50
ARTICLES = len(SHOPS) * EACH
REVIEWS = 1000
LATENCY = 1.0  # of a model call
SLOTS = 6
PATIENCE = 600.0
MODELS = {stage: ModelChoice(provider="openai", model=f"stage-{stage.lower()}") for stage in STAGES}
KILLED_AFTER = (Step.CHECKS, Step.GATE, Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS)
Say = Callable[[str], None]


@dataclass
class Requests:
    """Somebody who asks the API all the time, of whichever replica serves.

    Attributes:
        address: where the replica is that a proxy would choose.
        failed: what was not answered as it should.
    """

    address: str = ""
    token: str = ""
    health: str = "/health/ready"
    answered: int = 0
    failed: list[str] = field(default_factory=list)

    async def ask(self) -> None:
        """Ask until cancelled."""
        paths = ("/api/v1/reviews?limit=20", "/api/v1/articles?limit=20", "/api/v1/batches", self.health)
        async with AsyncClient(timeout=30, headers={"Authorization": f"Bearer {self.token}"}) as client:
            while True:
                for path in paths:
                    try:
                        answer = await client.get(f"{self.address}{path}")
                    except HTTPError as error:
                        self.failed.append(f"{path}: {error!r}")
                        continue
                    if answer.status_code == 200:
                        self.answered += 1
                    else:
                        self.failed.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                await asyncio.sleep(0.2)


@dataclass
class World:
    """One installation with a load, and the processes of two codes.

    Attributes:
        started: when the load began, on the monotonic clock.
    """

    folder: Path
    compiled: Path
    servers: dict[str, str]
    application: Application
    client: Client
    models: ModelServer
    say: Say
    processes: AsyncExitStack
    requests: Requests = field(default_factory=Requests)
    started: float = 0.0
    reviews: int = 0

    @property
    def database(self) -> Database:
        return self.application.database

    def start_worker(self, colour: Colour, tree: Path | None = None) -> Running:
        """Start a worker of today's code, or of that tree's."""
        keys = {"OPENAI_BASE_URL": self.models.url, "OPENAI_API_KEY": "test", "LONGTAIL_MODEL_SLOTS": str(SLOTS)}
        return self._start("worker", "--colour", colour, **keys, **_of(tree))

    async def start_api(self, tree: Path | None = None) -> Running:
        """Start a replica, and send it the requests once it serves; return it."""
        api = self._start("api", "--port", "0", **_of(tree))
        self.requests.address = await _address_of(api)
        return api

    def _start(self, *command: str, **variables: str) -> Running:
        place = self.folder / f"{command[0]}-{time.monotonic_ns()}"
        place.mkdir()
        return self.processes.enter_context(self._command(place, **variables).start(*command))

    def _command(self, folder: Path, **variables: str) -> Longtail:
        return Longtail(folder, self.compiled, **self.servers, **variables)

    async def run(self, *command: str, tree: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return await asyncio.to_thread(self._command(self.folder, **_of(tree)).run, *command)

    async def deploy(self, *words: str) -> float:
        """Carry a deployment out; return how many seconds it took."""
        begun = time.monotonic()
        done = await self.run("deploy", *words, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        return time.monotonic() - begun

    async def deploy_killed_after(self, step: Step, *words: str) -> None:
        """Carry a deployment out, and kill the command once the step is on record."""
        command = self._start("deploy", *words, "--yes")

        async def is_done() -> bool:
            return command.process.poll() is not None or step in await self._done()

        await eventually(is_done, within=PATIENCE)
        command.kill()

    async def _done(self) -> set[Step]:
        open_ = await self._open_deployment()
        return {each for each in Step if open_.is_done(each)} if open_ else set()

    async def _open_deployment(self) -> Deployment | None:
        async with self.database.unit_of_work() as uow:
            return await uow.deployments.find_open()

    async def add_load(self) -> None:
        """Add somebody who asks the API, shops with keywords, and texts that wait for a review."""
        await self.run("user", "add", "anna", "--role", "admin", "--os-user", getpass.getuser())
        made = await self.run("user", "token", "create", "anna", "test", "--expires", "1h", "--json")
        self.requests.token = json.loads(made.stdout)["secret"]
        refs = await finished_articles(self.database, REVIEWS)
        for ref in refs:
            await save(self.database, ref)
        for place, slug in enumerate(SHOPS):
            phrases = workload.keywords(EACH, first=place * EACH)
            async with self.database.unit_of_work() as uow:
                await uow.sites.upsert(workload.site().model_copy(update={"slug": slug, "models": MODELS}))
                await uow.longtails.add(slug, [Keyword(phrase=phrase) for phrase in phrases], source="test")

    async def begin_reviews(self, colour: Colour) -> None:
        """Let every text wait in a workflow of its own."""
        waiting = await list_reviews(self.database, by=ANNA, site=SITE, limit=REVIEWS)
        slots = asyncio.Semaphore(16)

        async def begin(article_id: Any) -> None:
            async with slots:
                await self.application.workflows.begin_review(
                    article_id, site=SITE, keyword="a keyword", colour=colour, remind_after=timedelta(hours=24)
                )

        await asyncio.gather(*(begin(each.article_id) for each in waiting))
        self.reviews = len(waiting)

    async def start_batches(self, tree: Path | None = None) -> None:
        """Start one in each shop."""
        self.started = time.monotonic()
        for slug in SHOPS:
            done = await self.run("batch", "start", slug, "--limit", str(EACH), tree=tree)
            assert done.returncode == 0, done.stderr

    async def made(self, count: int) -> None:
        """Wait until so many calls were answered."""

        async def are_made() -> bool:
            return self.models.stats().answered >= count

        await eventually(are_made, within=PATIENCE)

    async def all_made(self) -> None:
        """Wait until every batch has ended."""

        async def have_ended() -> bool:
            async with self.database.unit_of_work() as uow:
                found = [batch for slug in SHOPS for batch in await uow.batches.list_all(site=slug)]
            return len(found) == len(SHOPS) and all(batch.closed_at for batch in found)

        await eventually(have_ended, within=PATIENCE)

    async def check(self, *, on: Colour) -> None:
        """Check that nothing was lost, doubled, bought twice or refused, and that reviews answer."""
        failed = [each.id async for each in self.client.list_workflows("ExecutionStatus = 'Failed'")]
        assert failed == []
        workers: Counter[str] = Counter()
        answered = 0
        for slug in SHOPS:
            records = Records(self.database, slug)
            assert {each.status for each in await records.articles()} == {ArticleStatus.NEEDS_REVIEW}
            outputs = Counter((keyword, output.stage) for keyword, output in await records.outputs())
            assert (len(outputs), set(outputs.values())) == (EACH * len(STAGES), {1})
            for _, call in await records.calls():
                assert call.status is CallStatus.ANSWERED
                answered += 1
                workers[call.worker.partition("@")[0]] += 1
        asked = Counter((call.keyword, call.stage) for call in self.models.calls())
        assert {question: times for question, times in asked.items() if times > 1} == {}
        assert answered == ARTICLES * len(STAGES)
        status = await self.application.deployments.status()
        (left,) = [each for each in status.colours if each.colour != on]
        assert left.is_empty, left
        assert self.requests.failed == []
        self.say(f"{answered} stages by {dict(workers)}; {self.requests.answered} requests answered, none failed")
        took = [await self._taken_up(place) for place in range(5)]
        self.say(f"decisions on {on} were taken up within {max(took):.1f} s")

    async def _taken_up(self, place: int) -> float:
        review = (await list_reviews(self.database, by=ANNA, site=SITE, limit=REVIEWS))[place]
        decided = time.monotonic()
        acting = self.application.acting_as(ANNA)
        await acting.decisions.decide(review.article_id, Verdict.approve(), expected=review.content_hash)

        async def is_taken_up() -> bool:
            async with self.database.unit_of_work() as uow:
                (decision,) = await uow.decisions.list_for_article(review.article_id)
            return decision.taken_up_at is not None

        await eventually(is_taken_up)
        return time.monotonic() - decided


def _of(tree: Path | None) -> dict[str, str]:
    return {"PYTHONPATH": str(tree)} if tree else {}


async def _address_of(api: Running) -> str:
    address = await address_of(api)
    async with AsyncClient(base_url=address, timeout=30) as client:

        async def is_ready() -> bool:
            return (await client.get("/health/ready")).status_code == 200

        await eventually(is_ready)
    return address


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=LATENCY) as server:
        yield server


@pytest.fixture
async def world(
    engines: Engines, settings: Settings, models: ModelServer, tmp_path: Path, compiled: Path, say: Say
) -> AsyncIterator[World]:
    database = Database(create_engine(engines.url, pool_size=16))
    await schema.upgrade(database.engine)
    client = await temporal_client.connect(engines.address)
    application = an_application(client, database, settings=settings)
    servers = {"DATABASE_URL": engines.url, "TEMPORAL_ADDRESS": engines.address}
    async with AsyncExitStack() as processes:
        yield World(tmp_path, compiled, servers, application, client, models, say, processes)
    await database.close()


@asynccontextmanager
async def asking(world: World) -> AsyncIterator[None]:
    """Send requests all the while."""
    task = asyncio.create_task(world.requests.ask())
    try:
        yield
    finally:
        task.cancel()


async def test_todays_code_takes_over_from_the_last_landing(world: World, tmp_path: Path) -> None:
    """The promoting command is killed after each of its steps, the draining one in the middle."""
    previous = unpack_previous(tmp_path)
    if previous is None:
        pytest.skip("this checkout does not have the commit of the last landing")
    await world.add_load()
    await schema.downgrade(world.database.engine, PREVIOUS_SCHEMA)
    world.requests.health = "/health/live"  # that version is not ready on a newer schema, though it serves
    world.start_worker(BLUE, previous)
    old_api = await world.start_api(previous)
    async with asking(world):
        await world.start_batches(previous)
        await world.made(SLOTS * 2)
        upgraded = await world.run("db", "upgrade")
        assert upgraded.returncode == 0, upgraded.stderr
        await world.begin_reviews(BLUE)
        world.start_worker(GREEN)
        await world.start_api()  # replaced before the colours are: both speak with it
        assert await asyncio.to_thread(old_api.terminate) == 0
        for step in KILLED_AFTER:
            await world.deploy_killed_after(step, "promote", GREEN)
        took = await world.deploy("promote", GREEN)
        world.say(f"promoted {time.monotonic() - world.started:.0f} s after the start; the last try took {took:.0f} s")
        await world.deploy_killed_after(Step.HAND_OVER, "drain", BLUE)
        world.say(f"blue was empty after {await world.deploy('drain', BLUE):.0f} s")
        await world.all_made()
        world.say(f"{ARTICLES} articles in {time.monotonic() - world.started:.0f} s")
    await world.check(on=GREEN)


async def test_a_later_version_takes_over_goes_back_and_takes_over_again(world: World, tmp_path: Path) -> None:
    """It has another prompt, message, activity and migration; it is rolled back in the middle of the drain."""
    later = write_next(tmp_path)
    await world.add_load()
    world.start_worker(BLUE)
    old_api = await world.start_api()
    async with asking(world):
        await world.start_batches()
        await world.begin_reviews(BLUE)
        await world.made(SLOTS * 2)
        upgraded = await world.run("db", "upgrade", tree=later)
        assert upgraded.returncode == 0, upgraded.stderr
        world.start_worker(GREEN, later)
        await world.start_api(later)
        assert await asyncio.to_thread(old_api.terminate) == 0
        world.say(f"green was promoted in {await world.deploy('promote', GREEN):.0f} s")
        await world.deploy_killed_after(Step.HAND_OVER, "drain", BLUE)
        world.say(f"rolled back in {await world.deploy('rollback', '--fast'):.0f} s")
        assert (await world.application.deployments.status()).routing.active == BLUE
        world.say(f"green was promoted again in {await world.deploy('promote', GREEN):.0f} s")
        world.say(f"blue was empty after {await world.deploy('drain', BLUE, '--fast'):.0f} s")
        await world.all_made()
        world.say(f"{ARTICLES} articles in {time.monotonic() - world.started:.0f} s")
    await world.check(on=GREEN)
