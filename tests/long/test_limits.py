"""Limits and outages of a provider at their true size: work waits, and none fails."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from bench.conditions import Bucket, Conditions
from bench.model_server import ModelServer
from src.domain.batch import BatchStatus
from src.domain.colour import BLUE, Colour
from src.domain.site import ModelChoice
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database
from tests.answering import all_have_answered
from tests.eventually import eventually
from tests.factories import longtails
from tests.story.conftest import Longtail, Running
from tests.workflows.conftest import SLOT, Batches, reported

Record = Callable[[str, object], None]

ARTICLES = 64
CALLS = ARTICLES * len(STAGES)
SLOTS = 32
LATENCY_SECONDS = 8.0
BUCKET = Bucket(rate=50 / 60, burst=50)
BOUND_SECONDS = (CALLS - BUCKET.burst) / BUCKET.rate + LATENCY_SECONDS  # no client is faster
OUTAGE_SECONDS = 600.0


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=LATENCY_SECONDS) as server:
        yield server


@pytest.fixture
def colour() -> Colour:
    """One that a worker process takes."""
    return BLUE


@pytest.fixture
def worker(longtail: Longtail, models: ModelServer) -> Iterator[Running]:
    with longtail.start(
        *("worker", "--colour", BLUE),
        OPENAI_BASE_URL=models.url,
        OPENAI_API_KEY="test",
        LONGTAIL_MODEL_SLOTS=str(SLOTS),
    ) as running:
        yield running


async def _until(look: Callable[[], bool]) -> None:
    async def looked() -> bool:
        return look()

    await eventually(looked, within=120)


def _makespan(models: ModelServer) -> float:
    calls = models.calls()
    return max(call.answered or 0.0 for call in calls) - min(call.begun for call in calls)


async def test_a_bucket_of_fifty_requests_a_minute_is_used_up_and_nothing_fails(
    models: ModelServer, worker: Running, batches: Batches, record_property: Record
) -> None:
    """One model writes all stages: providers count by model, and so does the limiter."""
    models.set_conditions(Conditions(bucket=BUCKET))
    one = {stage: ModelChoice(provider="openai", model="one") for stage in STAGES}
    site = await batches.site(keywords=ARTICLES, articles_per_batch=ARTICLES, models=one)
    report = await reported(await batches.start(site))
    stats, makespan = models.stats(), _makespan(models)
    record_property("makespan_seconds", makespan)
    record_property("refused", stats.refused)
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, ARTICLES, 0)
    assert stats.calls == CALLS
    assert makespan <= 1.15 * BOUND_SECONDS
    assert stats.refused <= (CALLS + stats.refused) / 20


async def test_ten_minutes_of_503_are_waited_for(
    models: ModelServer, worker: Running, batches: Batches, record_property: Record
) -> None:
    site = await batches.site(keywords=ARTICLES, articles_per_batch=ARTICLES)
    handle = await batches.start(site)
    await _until(lambda: models.stats().answered >= SLOTS)
    models.set_conditions(Conditions(outage=True))
    await asyncio.sleep(OUTAGE_SECONDS)  # this is what the test is about
    refused = models.stats().refused
    models.set_conditions(Conditions())
    report = await reported(handle)
    record_property("refused", refused)
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, ARTICLES, 0)
    assert models.stats().calls == CALLS


async def test_a_model_that_takes_nothing_costs_another_no_time(
    models: ModelServer, worker: Running, batches: Batches, database: Database, record_property: Record
) -> None:
    """Twice as many articles wait for the one model as there are slots; 32 articles of the other take as ever."""
    models.set_conditions(Conditions(refused_models=("nothing",)))
    blocked = await batches.site(
        keywords=2 * SLOTS,
        articles_per_batch=2 * SLOTS,
        models={stage: ModelChoice(provider="openai", model="nothing") for stage in STAGES},
    )
    free = blocked.model_copy(update={"slug": f"{blocked.slug}-free", "models": {}, "articles_per_batch": SLOTS})
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(free)
        await uow.longtails.add(free.slug, longtails(2 * SLOTS), source="test")
    for site in (blocked, free):  # else a batch begins with three articles
        await all_have_answered(database, models.url, site.models or None)

    async def makespan(slot: datetime) -> float:
        before = len(models.calls())
        report = await reported(await batches.start(free, slot=slot))
        assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, SLOTS, 0)
        calls = models.calls()[before:]
        return max(call.answered or 0.0 for call in calls) - min(call.begun for call in calls)

    alone = await makespan(SLOT)
    waiting = await batches.start(blocked)
    await _until(lambda: models.stats().refused >= 3)
    beside = await makespan(SLOT + timedelta(days=1))
    record_property("alone_seconds", alone)
    record_property("beside_seconds", beside)
    assert beside <= 1.15 * alone
    await waiting.cancel()
