"""Work goes from one colour to the other and back, and the workers are killed meanwhile: nothing is lost or doubled."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest
from temporalio.client import Client

from bench.installation import reported
from bench.model_server import ModelServer
from src.bootstrap import Application
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import BLUE, GREEN, Colour
from src.domain.site import ModelChoice
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import SiteBatchInput
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from tests.eventually import eventually
from tests.factories import a_site, longtails
from tests.story.conftest import Longtail, Records, Running

ARTICLES = 8
CALLS = ARTICLES * len(STAGES)
SLOTS = 3
MODELS = {stage: ModelChoice(provider="openai", model=f"stage-{stage.lower()}") for stage in STAGES}

StartWorker = Callable[[Colour], Running]


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=0.5) as server:
        yield server


@pytest.fixture
def worker(longtail: Longtail, models: ModelServer) -> StartWorker:
    def start(colour: Colour) -> Running:
        keys = {"OPENAI_BASE_URL": models.url, "OPENAI_API_KEY": "test", "LONGTAIL_MODEL_SLOTS": str(SLOTS)}
        return longtail.start("worker", "--colour", colour, **keys)

    return start


async def answered(models: ModelServer, number: int) -> None:
    async def are_answered() -> bool:
        return models.stats().answered >= number

    await eventually(are_answered, within=150)  # two processes start first


async def test_there_and_back_with_a_kill_of_each_worker(
    application: Application,
    database: Database,
    client: Client,
    models: ModelServer,
    worker: StartWorker,
    records: Callable[[str], Records],
) -> None:
    colours, slug = application.colours, "moved-shop"
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug, models=MODELS))
        await uow.longtails.add(slug, longtails(ARTICLES), source="test")
    slot = datetime.now(UTC).replace(microsecond=0)
    killed = 0
    with worker(BLUE) as first_blue, worker(GREEN) as first_green:
        batch = await client.start_workflow(
            SiteBatchWorkflow.run,
            SiteBatchInput(site=slug, slot=slot, trigger=Trigger.MANUAL),
            id=ids.batch_run(slug, slot),
            task_queue=ids.task_queue(BLUE),
        )
        await answered(models, SLOTS)
        await _hand_over(lambda: colours.hand_over_batches(BLUE, to=GREEN))
        await _hand_over(lambda: colours.hand_over_articles(BLUE, to=GREEN))
        first_blue.kill()
        killed += 1
        with worker(BLUE):
            await _is_on(client, batch.id, GREEN)
            await answered(models, CALLS // 2)
            await _hand_over(lambda: colours.hand_over_batches(GREEN, to=BLUE))
            await _hand_over(lambda: colours.hand_over_articles(GREEN, to=BLUE))
            first_green.kill()
            killed += 1
            with worker(GREEN):
                report = await asyncio.wait_for(reported(batch), 120)
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, ARTICLES)
    outputs = Counter((keyword, output.stage) for keyword, output in await records(slug).outputs())
    assert (len(outputs), set(outputs.values())) == (CALLS, {1})
    calls = await records(slug).calls()
    lost = {(keyword, call.stage) for keyword, call in calls if call.status == CallStatus.LOST}
    assert Counter(call.status for _, call in calls)[CallStatus.ANSWERED] == CALLS
    assert len(lost) <= killed * SLOTS
    asked = Counter((call.keyword, call.stage) for call in models.calls())
    assert {question for question, times in asked.items() if times > 1} <= lost


async def _hand_over(ask: Callable[[], Awaitable[set[str]]]) -> None:
    """Ask until somebody takes it, since Temporal's lists lag behind."""
    await eventually(ask)


async def _is_on(client: Client, workflow_id: str, colour: Colour) -> None:
    async def is_on() -> bool:
        return (await client.get_workflow_handle(workflow_id).describe()).task_queue == ids.task_queue(colour)

    await eventually(is_on, within=150)  # a process that starts takes it
