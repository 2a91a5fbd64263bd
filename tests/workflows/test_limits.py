"""Limits and outages of providers make work wait; a model server with a limit of its own counts what it was asked."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from bench.conditions import Bucket, Conditions
from bench.model_server import ModelServer
from src.domain.batch import BatchStatus
from src.domain.site import ModelChoice
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database
from tests.eventually import eventually
from tests.factories import longtails

from .conftest import Batches, RunWorker, reported


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=0.2) as server:
        yield server


def _vendor(models: ModelServer) -> dict[str, object]:
    return {"openai_base_url": models.url, "openai_api_key": None}


async def _until(look: Callable[[], bool]) -> None:
    async def looked() -> bool:
        return look()

    await eventually(looked)


@pytest.mark.parametrize("tells", [False, True])
async def test_articles_behind_a_limit_wait_and_none_fails(
    models: ModelServer, run_worker: RunWorker, batches: Batches, tells: bool
) -> None:
    """The bucket bounds the run to 6.4 s: (24 x 4 calls - 32) / 10 a second."""
    models.set_conditions(Conditions(bucket=Bucket(rate=10, burst=32, tells=tells)))
    site = await batches.site(keywords=24, articles_per_batch=24)
    async with run_worker(model_slots=16, **_vendor(models)):
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, 24, 0)
    stats = models.stats()
    assert stats.calls == 24 * len(STAGES)
    assert stats.refused <= stats.calls / 8  # most at the first meeting, with sixteen requests under way


async def test_an_outage_is_waited_for(models: ModelServer, run_worker: RunWorker, batches: Batches) -> None:
    site = await batches.site(keywords=6, articles_per_batch=6)
    async with run_worker(model_slots=4, **_vendor(models)):
        handle = await batches.start(site)
        await _until(lambda: models.stats().answered >= 4)
        models.set_conditions(Conditions(outage=True))
        await _until(lambda: models.stats().refused >= 6)
        models.set_conditions(Conditions())
        report = await reported(handle)
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 6)
    assert models.stats().calls == 6 * len(STAGES)


async def test_a_model_that_takes_nothing_does_not_slow_another_down(
    models: ModelServer, run_worker: RunWorker, batches: Batches, database: Database
) -> None:
    """More articles wait for the one model than there are slots; the others' run as if they were alone."""
    models.set_conditions(Conditions(refused_models=("nothing",)))
    blocked = await batches.site(
        keywords=16,
        articles_per_batch=16,
        models={stage: ModelChoice(provider="openai", model="nothing") for stage in STAGES},
    )
    free = blocked.model_copy(update={"slug": f"{blocked.slug}-free", "models": {}})
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(free)
        await uow.longtails.add(free.slug, longtails(8), source="test")
    async with run_worker(model_slots=8, outage_patience=timedelta(hours=1), **_vendor(models)):
        waiting = await batches.start(blocked)
        await _until(lambda: models.stats().refused >= 3)
        report = await reported(await batches.start(free))
        assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, 8, 0)
        begun = [call.begun for call in models.calls()]
        assert max(begun) - min(begun) < 20  # 32 calls of 0.2 s: no turn was waited for behind the blocked model
        await waiting.cancel()
