"""What somebody may read: every use case that shows a site asks for it, whoever calls it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from src.application import alerts, articles, batches, holds, keywords, publishing, reviews, revisions, schedules, sites
from src.bootstrap import Application
from src.domain.errors import EngineUnavailable, NotFound, NotPermitted
from src.domain.hold import HoldDepth
from src.domain.ids import ArticleId, BatchId
from src.domain.paging import Excerpt, Order
from src.domain.permissions import Action
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.scheduling.schedule import Interval
from src.domain.scheduling.schedule_change import ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.applications import ANNA
from tests.factories import a_site
from tests.finished_articles import SITE, finished_articles, save
from tests.integration.api.away import WithoutTemporal

OTHER = "garden-shop"
LAST_YEAR = datetime(2025, 11, 1, tzinfo=UTC)


def somebody(*grants: Grant) -> Principal:
    person = Person(
        name="vera",
        display_name="Vera",
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=grants,
    )
    return Principal(name="vera", origin=Origin.COMMAND_LINE, person=person)


ELSEWHERE = somebody(Grant(role=Role.VIEWER, site=OTHER))
HERE = somebody(Grant(role=Role.OPERATOR, site=SITE))
NOWHERE = somebody()


@dataclass(frozen=True)
class Shop:
    """A site with an article, seen by somebody."""

    application: Application
    article: ArticleId
    batch: BatchId

    @property
    def database(self) -> Database:
        return self.application.database

    @property
    def by(self) -> Principal:
        return self.application.principal

    def seen_by(self, principal: Principal) -> "Shop":
        return Shop(self.application.acting_as(principal), self.article, self.batch)


@pytest.fixture
async def shop(database: Database) -> Shop:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=OTHER))
        (batch,) = await uow.batches.list_all()
    return Shop(WithoutTemporal.on(database, Settings.model_construct()), ref.article_id, batch.id)


Read = Callable[[Shop], Awaitable[Any]]

OF_ONE_SITE: dict[str, Read] = {
    "site show": lambda s: sites.get_site_details(s.database, SITE, by=s.by),
    "keywords list": lambda s: keywords.list_keywords(s.database, SITE, by=s.by, limit=9),
    "batch list": lambda s: batches.list_batches(s.database, by=s.by, site=SITE, limit=9),
    "batch show": lambda s: batches.get_batch_details(s.database, s.batch, by=s.by),
    "batch show --watch": lambda s: batches.get_batch(s.database, s.batch, by=s.by),
    "article list": lambda s: articles.list_articles(s.database, by=s.by, site=SITE, limit=9),
    "article show": lambda s: articles.get_article_details(s.database, s.article, by=s.by),
    "article html": lambda s: articles.get_page(s.database, s.article, by=s.by),
    "article diff": lambda s: revisions.get_difference(s.database, s.article, by=s.by),
    "review list": lambda s: reviews.list_reviews(s.database, by=s.by, site=SITE, limit=9),
    "review list, snoozed": lambda s: reviews.count_snoozed(s.database, by=s.by, site=SITE),
    "review show": lambda s: reviews.get_review(s.database, s.article, by=s.by),
    "review page": lambda s: reviews.get_review_page(s.database, s.article, by=s.by),
    "publish status": lambda s: publishing.list_publication_page(
        s.database, by=s.by, site=SITE, excerpt=Excerpt(limit=9, order=Order.NEWEST)
    ),
    "schedule alerts": lambda s: alerts.list_slot_alerts(s.database, SITE, by=s.by, limit=9),
    "schedule history": lambda s: schedules.list_history(s.database, SITE, by=s.by),
    "schedule's zone": lambda s: schedules.get_time_zone(s.database, SITE, by=s.by),
    "schedule show": lambda s: s.application.schedules.get(SITE),
    "schedule set --dry-run": lambda s: s.application.schedules.preview(
        SITE, ScheduleChange(interval=Interval(every=timedelta(hours=1)))
    ),
    "schedule forecast": lambda s: s.application.forecasts.get(SITE, days=1),
    "schedule sync": lambda s: s.application.schedule_drift.find(SITE),
    "schedule backfill --dry-run": lambda s: s.application.backfills.plan(SITE, [LAST_YEAR]),
}

OF_ALL_SITES: dict[str, Read] = {
    "site list": lambda s: sites.list_sites(s.database, by=s.by),
    "batch list": lambda s: batches.list_batches(s.database, by=s.by, limit=9),
    "article list": lambda s: articles.list_articles(s.database, by=s.by, limit=9),
    "review list": lambda s: reviews.list_reviews(s.database, by=s.by, limit=9),
    "schedule's zones": lambda s: schedules.list_time_zones(s.database, by=s.by),
}


async def test_one_site_is_shown_to_those_alone_who_may_read_it(shop: Shop) -> None:
    for name, read in OF_ONE_SITE.items():
        for stranger in (ELSEWHERE, NOWHERE):
            with pytest.raises(NotPermitted) as refused:
                await read(shop.seen_by(stranger))
            needed = Action.SCHEDULE_BACKFILL if "backfill" in name else Action.SITE_READ
            assert (refused.value.action, refused.value.site) == (needed, SITE), name
        for reader in (HERE, ANNA):
            with suppress(NotFound, EngineUnavailable):  # it has no schedule and one revision, and Temporal is away
                await read(shop.seen_by(reader))


async def test_lists_of_all_sites_leave_the_others_out(shop: Shop) -> None:
    for name, read in OF_ALL_SITES.items():
        assert not await read(shop.seen_by(NOWHERE)), name
        assert len(await read(shop.seen_by(HERE))) == 1, name
        seen_elsewhere = await read(shop.seen_by(ELSEWHERE))
        assert len(seen_elsewhere) == (1 if "site" in name or "zone" in name else 0), name


async def test_what_concerns_every_site_at_once_takes_a_role_for_all(shop: Shop) -> None:
    with pytest.raises(NotPermitted):
        await shop.seen_by(HERE).application.schedule_drift.find()


async def test_alerts_and_holds_of_other_sites_are_left_out(shop: Shop) -> None:
    async with shop.database.unit_of_work() as uow:
        for site in (SITE, OTHER):
            await uow.holds.upsert(site, depth=HoldDepth.STAGES, note="", by="anna")
    for reader, seen in ((NOWHERE, []), (HERE, [SITE]), (ANNA, [OTHER, SITE])):
        held = await holds.list_holds(shop.database, by=reader)
        assert sorted(str(each.site) for each in held) == seen
    assert await alerts.list_alerts(shop.database, by=NOWHERE, ended=True, limit=9) == []
