"""Batches that stop before the others pay: a model that is missing, articles that fail alike, an outage."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError

from bench.conditions import Conditions
from bench.model_server import ModelServer
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.longtail import LongtailStatus
from src.domain.site import ModelChoice
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import policies
from tests.factories import PHRASES, longtails

from .conftest import SLOT, Batches, RunWorker, reported
from .test_batch import articles_of
from .test_batch_ends import ready

MISSPELT = ModelChoice(provider="openai", model="gtp-6-luna")


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer(latency=0.2) as server:
        yield server


def vendor(models: ModelServer) -> dict[str, object]:
    return {"openai_base_url": models.url, "openai_api_key": None}


@pytest.mark.parametrize(("has_list", "shard_size", "paid"), [(True, 300, 0), (False, 300, 3), (False, 10, 3)])
async def test_a_misspelt_model_costs_three_articles_at_most(
    models: ModelServer,
    run_worker: RunWorker,
    batches: Batches,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    has_list: bool,
    shard_size: int,
    paid: int,
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", shard_size)
    models.set_conditions(Conditions(missing_models=(MISSPELT.model or "",), has_list=has_list))
    site = await batches.site(keywords=40, articles_per_batch=40, models={Stage.ARTICLE: MISSPELT})
    async with run_worker(model_slots=8, **vendor(models)):
        with pytest.raises(WorkflowFailureError) as error:
            await (await batches.start(site)).result()
    assert len({call.keyword for call in models.calls()}) == paid
    assert await ready(database, site) == 40 - paid
    batch = await batches.of(site)
    assert (batch.status, batch.error_type, batch.failed) == (BatchStatus.FAILED, "ModelNotFound", paid)
    assert batch.error_message is not None
    assert "gtp-6-luna" in batch.error_message
    assert f"stage C of site {site.slug!r}" in batch.error_message
    assert batch.error_message in str(error.value.cause)


async def test_articles_that_fail_alike_stop_the_batch(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site()
    async with run_worker(model_slots=1, fail_keywords=PHRASES[:3]):
        report = await reported(await batches.start(site))
    assert (report.status, report.failed, report.cancelled) == (BatchStatus.STOPPED, 3, 5)
    assert report.error_type == "ModelBadRequest"
    assert (report.error_message or "").startswith("3 articles ended alike at stage C")
    assert await ready(database, site) == 5
    async with run_worker():
        again = await reported(await batches.start(site))
    assert (again.status, again.needs_review, again.error_type) == (BatchStatus.COMPLETED, 8, None)


async def test_a_shard_that_stops_stops_the_others(
    batches: Batches, database: Database, run_worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 20)
    site = await batches.site(keywords=40, articles_per_batch=40)
    failing = [article.phrase for article in longtails(40)[:20]]
    async with run_worker(model_slots=2, latency=0.2, fail_keywords=failing):
        report = await reported(await batches.start(site))
    assert (report.status, report.failed) == (BatchStatus.STOPPED, 3)
    assert report.needs_review < 10  # the other shard began as many as ended meanwhile
    assert await ready(database, site) == report.cancelled == 40 - 3 - report.needs_review


async def test_what_was_under_way_when_the_batch_stopped_is_finished_and_the_slot_goes_on(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    """Two articles start in the place of the first two that fail, and end well after the third has failed."""
    site = await batches.site()
    async with run_worker(model_slots=3, latency=0.3, fail_keywords=PHRASES[:3]):
        report = await reported(await batches.start(site))
    assert (report.status, report.failed) == (BatchStatus.STOPPED, 3)
    assert report.needs_review + report.cancelled == 5
    assert await ready(database, site) == report.cancelled > 0
    async with run_worker():
        again = await reported(await batches.start(site))
    assert (again.status, again.needs_review) == (BatchStatus.COMPLETED, 8)


async def test_a_success_between_failures_lets_the_batch_go_on(batches: Batches, run_worker: RunWorker) -> None:
    site = await batches.site()
    async with run_worker(model_slots=1, fail_keywords=(*PHRASES[:2], *PHRASES[3:5])):
        report = await reported(await batches.start(site))
    assert (report.status, report.needs_review, report.failed) == (BatchStatus.PARTLY_FAILED, 4, 4)


async def test_a_batch_that_an_outage_ended_is_stopped_and_may_be_started_again(
    models: ModelServer, run_worker: RunWorker, batches: Batches, database: Database
) -> None:
    models.set_conditions(Conditions(refused_models=("busy",)))
    busy = ModelChoice(provider="openai", model="busy")
    site = await batches.site(keywords=2, models={Stage.SEO_METADATA: busy})
    async with run_worker(outage_patience=timedelta(seconds=1), **vendor(models)):
        report = await reported(await batches.start(site))
        assert (report.status, report.failed, report.error_type) == (BatchStatus.STOPPED, 2, "ModelRateLimited")
        assert await ready(database, site) == 0
    models.set_conditions(Conditions())
    async with run_worker(**vendor(models)):  # the provider may be thought out of order for some more seconds
        again = await reported(await batches.start(site))
    assert (again.status, again.needs_review, again.error_type) == (BatchStatus.COMPLETED, 2, None)
    assert models.stats().calls == 2 * len(STAGES)


async def test_a_retry_that_fails_leaves_a_stopped_batch_stopped(
    batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=4)
    async with run_worker(model_slots=1, fail_keywords=PHRASES[:3]):
        assert (await reported(await batches.start(site))).status is BatchStatus.STOPPED
    failed = next(each for each in await articles_of(database, site.slug) if each.status is ArticleStatus.FAILED)
    async with database.unit_of_work() as uow:
        await uow.articles.prepare_retry(failed.id, from_stage=None)
        assert failed.failure is not None
        await uow.articles.fail(failed.id, failed.failure)
        await uow.batches.follow_article(failed.id)
    assert (await batches.of(site)).status is BatchStatus.STOPPED


async def test_a_new_model_is_tried_with_three_articles_and_a_known_one_with_all(
    models: ModelServer, run_worker: RunWorker, batches: Batches, database: Database
) -> None:
    models.reset(latency=1)  # long enough that the calls which may overlap do
    site = await batches.site(keywords=16)
    async with run_worker(model_slots=8, **vendor(models)):
        await reported(await batches.start(site))
        calls = models.calls()
        first = min(call.answered for call in calls if call.stage is Stage.SEO_METADATA and call.answered)
        assert len({call.keyword for call in calls if call.begun < first}) == 3
        assert models.stats().max_in_flight > 3
        models.reset()
        await reported(await batches.start(site, slot=SLOT + timedelta(days=1)))
        calls = models.calls()
        first = min(call.answered for call in calls if call.stage is Stage.SEO_METADATA and call.answered)
        assert len({call.keyword for call in calls if call.begun < first}) == 8
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status(site.slug))[LongtailStatus.WRITTEN] == 16
