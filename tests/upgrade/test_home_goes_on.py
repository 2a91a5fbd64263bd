"""A home goes on where its version was killed: what was open finishes, and no answer is bought again."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from src.agents.language_model import Completion, LanguageModel, Prompt
from src.application.audit import verify
from src.application.review_watch import ReviewWatch
from src.application.reviews import ReviewDetails, get_review, list_reviews
from src.bootstrap import Application, build_worker, open_local_temporal, register_worker
from src.bootstrap.worker import open_limits, own_calls
from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch, BatchStatus
from src.domain.colour import BLUE
from src.domain.longtail import LongtailStatus
from src.domain.review import Verdict
from src.domain.site import Site
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.model_calls import ModelCall
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.providers import Providers, ResolvedModel
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import policies
from src.infrastructure.workers.registration import Registration
from src.settings import Settings
from tests.applications import ANNA, an_application
from tests.eventually import eventually

from .homes import HOMES_WITH_TEMPORAL, name_of, restore_temporal, restored

HELD = ("held-shop", "twice-shop", "waiting-shop")
WAITED = {"finished-shop": 2, "partly-shop": 1, "review-shop": 4}  # texts that are complete before the upgrade
SAME_SLUG = {"how to oil a cafe table", "how to oil a café table"}
MADE = ("running-shop", "backfill-shop", "held-shop", "waiting-shop", "cancelled-shop", "failed-shop")
Purchases = Counter[tuple[str, Stage]]


@dataclass(frozen=True, kw_only=True)
class Home:
    """A home of an earlier version, upgraded and open.

    Attributes:
        answered: the questions that were answered before the upgrade, by keyword.
        bought: what was asked of models since.
    """

    application: Application
    answered: Purchases
    bought: Purchases

    @property
    def database(self) -> Database:
        """Return its database."""
        return self.application.database

    async def articles(self, site: str) -> list[Article]:
        """Return the site's articles."""
        async with self.database.unit_of_work() as uow:
            return await uow.articles.list_all(site=site, limit=1000)

    async def batches(self, site: str) -> list[Batch]:
        """Return the site's batches, the newest slot first."""
        async with self.database.unit_of_work() as uow:
            return await uow.batches.list_all(site=site)

    async def calls(self, site: str) -> list[ModelCall]:
        """Return the site's ledger."""
        articles = await self.articles(site)
        async with self.database.unit_of_work() as uow:
            return [call for article in articles for call in await uow.model_calls.list_for_article(article.id)]

    def of(self, articles: list[Article]) -> set[tuple[str, Stage]]:
        """Return what was bought for the keywords of these articles."""
        keywords = {article.keyword for article in articles}
        return {question for question in self.bought if question[0] in keywords}

    async def until_ended(self, site: str, *, batches: int = 1) -> None:
        """Wait until the site has so many batches, and all have ended."""

        async def have_ended() -> bool:
            found = await self.batches(site)
            return len(found) >= batches and all(batch.status is not BatchStatus.RUNNING for batch in found)

        await eventually(have_ended)

    async def until_made(self, site: str) -> None:
        """Wait until every article of the site's newest batch is made."""

        async def is_made() -> bool:
            return (await self.batches(site))[0].status is BatchStatus.COMPLETED

        await eventually(is_made)


class Counting:
    """A model that counts the questions it is asked."""

    def __init__(self, model: LanguageModel, bought: Purchases) -> None:
        self._model = model
        self._bought = bought

    async def generate(self, prompt: Prompt) -> Completion:
        self._bought[prompt.data["keyword"], prompt.stage] += 1
        return await self._model.generate(prompt)


@pytest.fixture(params=HOMES_WITH_TEMPORAL, ids=name_of)
async def home(
    request: pytest.FixtureRequest,
    migrated: Database,
    database_url: str,
    shared_folder: Path,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Home]:
    folder = shared_folder / f"{worker_id}-{request.param.name}"
    folder.mkdir(mode=0o711)
    restore_temporal(request.param / "temporal.db.xz", folder)
    bought: Purchases = Counter()
    ordinary = Providers.model_for

    def model_for(self: Providers, site: Site, stage: Stage) -> ResolvedModel:
        found = ordinary(self, site, stage)
        return replace(found, language_model=Counting(found.language_model, bought))

    monkeypatch.setattr(Providers, "model_for", model_for)
    # A batch looks for articles that another run began ever more seldom; this one has looked before the kill.
    monkeypatch.setattr(policies, "LONGEST_LOOK", policies.SHORTEST_LOOK)
    # On another machine than the home's, its worker is dead when a lease has run out while the database answered.
    monkeypatch.setattr(Registration.__init__, "__kwdefaults__", {"lease": timedelta(seconds=2)})
    async with restored(request.param / "database.sql.xz", migrated, database_url) as database:
        await schema.upgrade(database.engine)
        with open_local_temporal(folder) as server:
            client: Client = await temporal_client.connect(server.address)
            application = an_application(client, database, settings=Settings.model_construct(home=folder))
            yield Home(application=application, answered=await _answered(database), bought=bought)


async def _answered(database: Database) -> Purchases:
    """Return which questions the ledger has an answer to."""
    found: Purchases = Counter()
    async with database.unit_of_work() as uow:
        for article in await uow.articles.list_all(limit=1000):
            for call in await uow.model_calls.list_for_article(article.id):
                if call.status is CallStatus.ANSWERED:
                    found[article.keyword, call.stage] += 1
    return found


async def test_a_home_goes_on_and_buys_only_what_was_not_answered(home: Home) -> None:
    application = home.application
    before = {site: await home.articles(site) for site in ("cancelled-shop", "twice-shop")}
    registration = register_worker(application, colour=BLUE)
    await registration.register()  # that the database answers since then proves the death of a worker elsewhere
    owner = own_calls(application, registration, open_limits(application))
    async with (
        Providers(application.settings) as providers,
        build_worker(application, providers, colour=BLUE, owner=owner),
    ):
        await home.until_ended("running-shop")
        await home.until_ended("backfill-shop", batches=3)
        assert not home.of(before["cancelled-shop"])  # nothing is bought before it is taken up
        await application.batches.start("cancelled-shop", colour=BLUE)
        (failed,) = await home.batches("failed-shop")
        await application.batches.start("failed-shop", slot=failed.slot, colour=BLUE)
        for site in HELD:
            await application.holds.release(site)
        await home.until_ended("cancelled-shop", batches=2)
        for site in HELD:
            await home.until_ended(site)
        await home.until_made("failed-shop")
        await _resume(application)
        await _check_reviews(home)

    for site in MADE:
        articles = await home.articles(site)
        assert [article.failure for article in articles if article.failure] == [], site
        assert {article.status for article in articles} == {ArticleStatus.NEEDS_REVIEW}, site
        for question in ((article.keyword, stage) for article in articles for stage in STAGES):
            assert home.bought[question] == 1 - home.answered[question], question
    assert set(home.bought.values()) == {1}
    assert {call.status for call in await home.calls("running-shop")} == {CallStatus.ANSWERED, CallStatus.LOST}
    await _check_cancelled(home, before["cancelled-shop"])
    await _check_twice(home, before["twice-shop"])


async def _check_cancelled(home: Home, before: list[Article]) -> None:
    """Check that what was cancelled bought its last stage only."""
    keywords = {article.keyword for article in before}
    assert len(keywords) == 3
    assert home.of(before) == {(keyword, Stage.SEO_METADATA) for keyword in keywords}
    assert {article.id for article in await home.articles("cancelled-shop")} == {article.id for article in before}
    newest, cancelled = await home.batches("cancelled-shop")
    assert (newest.status, newest.needs_review) == (BatchStatus.COMPLETED, 3)
    assert (cancelled.status, cancelled.cancelled) == (BatchStatus.CANCELLED, 3)


async def _check_twice(home: Home, before: list[Article]) -> None:
    """Check that no keyword that once had two articles under way gets a second page."""
    after = await home.articles("twice-shop")
    assert {article.id for article in after} == {article.id for article in before}
    pages = Counter(article.keyword for article in after if article.status is ArticleStatus.NEEDS_REVIEW)
    assert len(pages) == 2
    assert set(pages.values()) == {1}
    assert not home.of([article for article in before if article.status is ArticleStatus.NEEDS_REVIEW])
    async with home.database.unit_of_work() as uow:
        assert (await uow.longtails.count_by_status("twice-shop"))[LongtailStatus.WRITTEN] == 2


async def _check_reviews(home: Home) -> None:
    """Check that what waited has a text at an address of its own, and can be approved."""
    application = home.application
    await ReviewWatch(home.database, application.workflows).look()

    async def have_texts() -> bool:
        return all(each.content_hash for each in await list_reviews(home.database, by=ANNA, limit=1000))

    await eventually(have_texts)
    queue = await list_reviews(home.database, by=ANNA, limit=1000)
    reviews = [await get_review(home.database, each.article_id, by=ANNA) for each in queue]
    assert len({review.text.content.address for review in reviews}) == len(reviews)
    for site, count in WAITED.items():
        waited = [review for review in reviews if review.article.site == site]
        assert len(waited) == (count if await home.articles(site) else 0), site
        assert not home.of([review.article for review in waited])
        for review in waited:
            await _approve(application, review)
    slugs = {review.text.content.slug for review in reviews if review.article.keyword in SAME_SLUG}
    assert slugs in (set(), {"how-to-oil-a-cafe-table", "how-to-oil-a-cafe-table-2"})
    assert (await verify(home.database, by=ANNA)).is_sound


async def _approve(application: Application, review: ReviewDetails) -> None:
    """Approve a text that its home had made; its workflow hears of it."""
    assert (review.text.number, review.text.stage_revision) == (1, review.article.revision)
    assert not [finding for finding in review.findings if finding.blocks]
    reviewing = application.acting_as(ANNA).decisions
    decided = await reviewing.decide(review.article.id, Verdict.approve(), expected=review.text.content_hash)
    assert decided.is_told
    result = await application.client.get_workflow_handle(f"review/{review.article.id}").result()
    assert result == ArticleStatus.APPROVED


async def _resume(application: Application) -> None:
    """End a pause by hand that a workflow of the home would end in 2100."""
    resuming = application.client.get_workflow_handle("resume/finished-shop")
    assert (await resuming.describe()).status is WorkflowExecutionStatus.RUNNING
    assert await application.schedules.resume("finished-shop", note="the fair is over")
    assert (await application.schedules.get("finished-shop")).pause is None
