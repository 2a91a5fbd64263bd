"""Batches whose workflow Temporal no longer runs: they are closed, and their site can go."""

from datetime import time
from uuid import uuid4

import pytest

from src.application.sites import remove_site
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason, NotFound
from src.domain.longtail import LongtailStatus
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.usage import CallStatus
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from tests.applications import ANNA
from tests.eventually import eventually
from tests.factories import a_site, longtails, open_batch

from .conftest import Batches, RunWorker


async def test_a_batch_that_temporal_does_not_know_is_closed_and_its_site_can_be_removed(
    application: Application, database: Database
) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(3), source="test")
    batch_id, _ = await open_batch(database, limit=2, run=str(uuid4()))
    with pytest.raises(Conflict) as running:
        await remove_site(database, "hardware-shop", by=ANNA, dry_run=False)
    assert running.value.reason is ConflictReason.BATCH_RUNNING

    cancelled = await application.batches.cancel(batch_id)

    assert cancelled.is_closed
    assert (cancelled.batch.status, cancelled.batch.cancelled) == (BatchStatus.CANCELLED, 2)
    assert cancelled.batch.error_type == "WorkflowGone"
    async with database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status("hardware-shop"))[LongtailStatus.READY] == 3
    with pytest.raises(Conflict) as ended:
        await application.batches.cancel(batch_id)
    assert ended.value.reason is ConflictReason.BATCH_ENDED
    assert (await remove_site(database, "hardware-shop", by=ANNA, dry_run=False)).articles == 2
    async with database.unit_of_work() as uow:
        with pytest.raises(NotFound):
            await uow.sites.get("hardware-shop")


async def test_articles_that_outlived_a_terminated_batch_end_with_it(
    application: Application, batches: Batches, database: Database, run_worker: RunWorker
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(latency=600, model_slots=2):
        handle = await batches.start(site)

        async def both_are_under_way() -> bool:
            async with database.unit_of_work() as uow:
                articles = await uow.articles.list_all(site=site.slug)
            return [article.status for article in articles] == [ArticleStatus.GENERATING] * 2

        await eventually(both_are_under_way)
        await handle.terminate()
        batch = await batches.of(site)
        assert (await application.batches.cancel(batch.id)).is_closed
        async with database.unit_of_work() as uow:
            articles = await uow.articles.list_all(site=site.slug)
            calls = [call for each in articles for call in await uow.model_calls.list_for_article(each.id)]
            counts = await uow.longtails.count_by_status(site.slug)
        assert {article.status for article in articles} == {ArticleStatus.CANCELLED}
        assert CallStatus.OPEN not in {call.status for call in calls}
        assert counts[LongtailStatus.READY] == 2
        for article in articles:
            assert not await application.workflows.is_running(ids.article(article.id))


async def test_a_site_with_a_schedule_is_kept(application: Application, database: Database, colour: Colour) -> None:
    slug = f"site-{colour}"
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug))
    daily = Schedule(when=When(times=(time(6, 0),)), time_zone="UTC")
    await application.schedules.set(slug, ScheduleChange.replacing(daily), colour=colour)
    with pytest.raises(Conflict) as error:
        await remove_site(database, slug, by=ANNA, dry_run=False)
    assert error.value.reason is ConflictReason.SCHEDULE_EXISTS
    await application.schedules.remove(slug)
    await remove_site(database, slug, by=ANNA, dry_run=False)
