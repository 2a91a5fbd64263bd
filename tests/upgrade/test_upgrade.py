"""Homes of earlier versions are migrated and go on: nothing paid for or decided is lost."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from src.application.articles import get_article_details, get_page
from src.application.audit import verify
from src.application.batches import list_batches
from src.application.review_watch import ReviewWatch
from src.application.reviews import get_review, list_reviews
from src.application.revisions import ensure_revision
from src.application.schedules import list_history
from src.application.sites import list_sites, remove_site
from src.bootstrap import Application, build_worker
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.deployment import Routing
from src.domain.longtail import LongtailStatus
from src.domain.review import Verdict
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.providers import Providers
from src.settings import Settings
from tests.applications import ANNA, an_application
from tests.eventually import eventually

from .homes import restored

HOME = Path(__file__).with_name("7ac37f1.sql")


@pytest.fixture
async def upgraded(database_url: str, migrated: Database) -> AsyncIterator[Database]:
    async with restored(HOME, migrated, database_url) as database:
        await schema.upgrade(database.engine)
        yield database


async def test_everything_is_there_after_the_upgrade(upgraded: Database) -> None:
    await schema.check(upgraded.engine)
    assert [(each.site.slug, each.ready) for each in await list_sites(upgraded, by=ANNA)] == [
        ("garden-shop", 6),
        ("hardware-shop", 0),
    ]
    running, ended = await list_batches(upgraded, by=ANNA, limit=10)
    assert (running.status, running.total, running.under_way) == (BatchStatus.RUNNING, 2, 2)
    assert (ended.status, ended.needs_review, ended.failed) == (BatchStatus.PARTLY_FAILED, 2, 1)
    async with upgraded.unit_of_work() as uow:
        articles = await uow.articles.list_all(batch_id=ended.id)
    pages = [
        await get_page(upgraded, each.id, by=ANNA) for each in articles if each.status is ArticleStatus.NEEDS_REVIEW
    ]
    assert [hashlib.sha256(page.html.encode()).hexdigest() for page in pages] == [
        page.article.page_hash for page in pages
    ]
    assert len({page.slug for page in pages}) == 2


async def test_articles_that_wait_for_a_review_get_their_text_as_a_revision(upgraded: Database) -> None:
    async with upgraded.unit_of_work() as uow:
        waiting = await uow.articles.list_all(status=ArticleStatus.NEEDS_REVIEW)
    revisions = [await ensure_revision(upgraded, article.id) for article in waiting]
    assert len({revision.content.address for revision in revisions}) == len(waiting) == 2
    for article, revision in zip(waiting, revisions, strict=True):
        details = await get_article_details(upgraded, article.id, by=ANNA)
        assert [each.number for each in details.revisions] == [1]
        assert not [finding for finding in details.findings if finding.blocks]
        page = await get_page(upgraded, article.id, by=ANNA)
        assert (page.slug, revision.content.h1 in page.html) == (revision.content.slug, True)


async def test_the_versions_of_schedules_come_from_the_audit_trail(upgraded: Database) -> None:
    async with upgraded.unit_of_work() as uow:
        changed = await uow.schedules.list_versions("hardware-shop")
        made_again = await uow.schedules.list_versions("garden-shop")
        desired = await uow.schedules.find("hardware-shop")
    assert [str(version.schedule.when) for version in changed] == ["daily at 06:00", "daily at 07:30"]
    assert changed[0].valid_to == changed[1].valid_from
    assert desired is not None
    assert (changed[1].schedule, changed[1].valid_to) == (desired.schedule, None)
    first, second = made_again
    assert first.valid_to is not None
    assert first.valid_to < second.valid_from  # it was removed in between
    assert [event.action for event in await list_history(upgraded, "garden-shop", by=ANNA)] == ["set", "remove", "set"]


async def test_the_audit_trail_of_the_home_is_numbered_and_sound(upgraded: Database) -> None:
    report = await verify(upgraded, by=ANNA)
    assert report.events > 0
    assert report.is_sound, report


@pytest.fixture
def application(upgraded: Database, client: Client, settings: Settings) -> Application:
    return an_application(client, upgraded, settings=settings)


async def test_a_failed_article_goes_on_and_buys_only_what_is_missing(application: Application, colour: Colour) -> None:
    database = application.database
    async with database.unit_of_work() as uow:
        (failed,) = await uow.articles.list_all(status=ArticleStatus.FAILED)
    async with Providers(application.settings) as providers, build_worker(application, providers, colour=colour):
        await application.articles.retry(failed.id, colour=colour)

        async def is_complete() -> bool:
            async with database.unit_of_work() as uow:
                return (await uow.articles.get(failed.id)).status is ArticleStatus.NEEDS_REVIEW

        await eventually(is_complete)
    details = await get_article_details(database, failed.id, by=ANNA)
    bought = [call.stage for call in details.model_calls if call.status is CallStatus.ANSWERED]
    assert bought == list(STAGES)  # A and B before the upgrade, C and D after it
    assert details.article.failure is None
    async with database.unit_of_work() as uow:
        assert (await uow.batches.get(failed.batch_id)).status is BatchStatus.COMPLETED


async def test_articles_that_waited_get_a_review_and_can_be_approved(application: Application, colour: Colour) -> None:
    database, reviewing = application.database, application.acting_as(ANNA)
    async with database.unit_of_work() as uow:
        waiting = await uow.articles.list_all(status=ArticleStatus.NEEDS_REVIEW)
    assert [each.content_hash for each in await list_reviews(database, by=ANNA, limit=10)] == [None, None]
    await database.run_autocommit(lambda uow: uow.routing.change(Routing(active=colour), by="test"))
    await ReviewWatch(database, application.workflows).look()
    async with Providers(application.settings) as providers, build_worker(application, providers, colour=colour):

        async def have_texts() -> bool:
            return all(each.content_hash for each in await list_reviews(database, by=ANNA, limit=10))

        await eventually(have_texts)
        for article in waiting:
            details = await get_review(database, article.id, by=ANNA)
            assert (details.text.number, details.article.status) == (1, ArticleStatus.NEEDS_REVIEW)
            decided = await reviewing.decisions.decide(
                article.id, Verdict.approve(), expected=details.text.content_hash
            )
            assert decided.is_told
            result = await application.client.get_workflow_handle(f"review/{article.id}").result()
            assert result == ArticleStatus.APPROVED
    assert (await verify(database, by=ANNA)).is_sound


async def test_a_batch_that_lost_its_worker_and_its_server_is_closed_and_its_longtails_are_ready(
    application: Application,
) -> None:
    (running,) = [each for each in await list_batches(application.database, by=ANNA, limit=10) if each.under_way]
    assert (await application.batches.cancel(running.id)).is_closed
    async with application.database.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status("garden-shop")
        articles = await uow.articles.list_all(batch_id=running.id)
        calls = [call for each in articles for call in await uow.model_calls.list_for_article(each.id)]
    assert counts[LongtailStatus.READY] == 8
    assert {(call.stage, call.status) for call in calls} == {(Stage.KEYWORD_ANALYSIS, CallStatus.LOST)}


async def test_the_past_of_a_schedule_is_still_judged(application: Application) -> None:
    """Temporal is another server here, so that the schedule itself is missing."""
    now = datetime.now(UTC)
    slots = await application.gaps.list_slots("hardware-shop", now - timedelta(days=365), now)
    async with application.database.unit_of_work() as uow:
        first, *_ = await uow.schedules.list_versions("hardware-shop")
    assert all(slot.slot >= first.valid_from for slot in slots)
    assert (await remove_site(application.database, "garden-shop", by=ANNA, dry_run=True)).longtails == 8
