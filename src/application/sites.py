"""Adds, shows and removes sites."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from src.domain.batch import BatchStatus
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.longtail import LongtailStatus
from src.domain.paging import Excerpt, NamePosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.site import Site
from src.domain.versions import Expected, require_expected
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .people import forget_site


class SiteSummary(BaseModel):
    """A site and how many of its longtails are ready."""

    model_config = ConfigDict(frozen=True)

    site: Site
    ready: int


class SiteDetails(BaseModel):
    """A site and its longtails by status."""

    model_config = ConfigDict(frozen=True)

    site: Site
    longtails: dict[LongtailStatus, int]


class SiteStanding(SiteSummary):
    """A site in a list, with what waits there.

    Attributes:
        to_review: texts that wait for a decision and are not put off.
        schedule: in words; None: there is none.
    """

    to_review: int
    schedule: str | None
    is_paused: bool


class SiteContents(BaseModel):
    """What is deleted together with a site."""

    model_config = ConfigDict(frozen=True)

    longtails: int
    articles: int


async def add_site(database: Database, site: Site, *, by: Principal) -> bool:
    """Add the site, or replace its description. Return whether it is new.

    Raises NotPermitted, and Conflict for the base_url of another site.
    """
    async with database.unit_of_work() as uow:
        await uow.sites.lock(site.slug)
        before = await uow.sites.find(site.slug)
        action = Action.SITE_UPDATE if before else Action.SITE_ADD
        by.require(action, site.slug)
        if site != before:
            await _require_address(uow, site, before)
            await uow.sites.upsert(site)
            await uow.audit.record(action, site.slug, by=by, site=site.slug, before=_json(before), after=_json(site))
        return before is None


async def create_site(database: Database, site: Site, *, by: Principal) -> Site:
    """Add a site.

    Raises NotPermitted, and Conflict for a slug or base_url in use.
    """
    by.require(Action.SITE_ADD, site.slug)
    async with database.unit_of_work() as uow:
        await uow.sites.lock(site.slug)
        if await uow.sites.find(site.slug):
            raise Conflict(ConflictReason.SITE_EXISTS, site.slug)
        await _require_address(uow, site, None)
        await uow.sites.upsert(site)
        await uow.audit.record(Action.SITE_ADD, site.slug, by=by, site=site.slug, after=_json(site))
    return site


async def replace_site(database: Database, site: Site, *, by: Principal, expected: Expected) -> Site:
    """Replace the description of a site that is as expected.

    Raises NotFound, NotPermitted, ChangedMeanwhile, PreconditionMissing when nothing is expected, and Conflict for the
    base_url of another site.
    """
    by.require(Action.SITE_UPDATE, site.slug)
    async with database.unit_of_work() as uow:
        await uow.sites.lock(site.slug)
        before = await uow.sites.get(site.slug)
        require_expected("site", site.slug, expected, current=before, wanted=site)
        if site != before:
            await _require_address(uow, site, before)
            await uow.sites.upsert(site)
            await uow.audit.record(
                Action.SITE_UPDATE, site.slug, by=by, site=site.slug, before=_json(before), after=_json(site)
            )
    return site


async def list_readable_sites(
    database: Database, *, by: Principal, excerpt: Excerpt[NamePosition]
) -> Page[SiteSummary, NamePosition]:
    """Return a page of the sites that somebody may read, by slug."""
    following = [
        each
        for each in await list_sites(database, by=by)
        if excerpt.after is None or each.site.slug > excerpt.after.name
    ]
    return Page.of([(each, NamePosition(name=each.site.slug)) for each in following], excerpt.limit)


async def sites_by_slug(database: Database, *, by: Principal) -> dict[str, Site]:
    """Return the sites that somebody may read."""
    async with database.unit_of_work() as uow:
        return {site.slug: site for site in await uow.sites.list_all() if by.may(Action.SITE_READ, site.slug)}


async def list_sites(database: Database, *, by: Principal) -> list[SiteSummary]:
    """Return the sites that somebody may read, by slug."""
    readable = by.sites(Action.SITE_READ)
    async with database.unit_of_work() as uow:
        sites = await uow.sites.list_all()
        ready = await uow.longtails.count_ready_by_site()
        return [
            SiteSummary(site=site, ready=ready.get(site.slug, 0))
            for site in sites
            if readable is None or site.slug in readable
        ]


async def list_site_standings(database: Database, *, by: Principal) -> list[SiteStanding]:
    """Return the sites that somebody may read, with what waits there."""
    listed = await list_sites(database, by=by)
    async with database.unit_of_work() as uow:
        waiting = await uow.overview.count_reviews_by_site()
        schedules = {each.site: str(each.schedule.when) for each in await uow.schedules.list_all()}
        paused = await uow.schedules.list_current_pauses()
    return [
        SiteStanding(
            site=each.site,
            ready=each.ready,
            to_review=waiting.get(each.site.slug, 0),
            schedule=schedules.get(each.site.slug),
            is_paused=each.site.slug in paused,
        )
        for each in listed
    ]


async def get_site_details(database: Database, slug: str, *, by: Principal) -> SiteDetails:
    """Return the site with its counts. Raises NotFound, and NotPermitted."""
    by.require(Action.SITE_READ, slug)
    async with database.unit_of_work() as uow:
        site = await uow.sites.get(slug)
        return SiteDetails(site=site, longtails=await uow.longtails.count_by_status(slug))


async def remove_site(database: Database, slug: str, *, by: Principal, dry_run: bool) -> SiteContents:
    """Delete the site with its longtails, batches and articles.

    Return what went, or would go with ``dry_run``.

    Raises NotFound, NotPermitted, and Conflict while it has a schedule, a batch that is running or a published page.
    """
    by.require(Action.SITE_REMOVE, slug)
    async with database.unit_of_work() as uow:
        site = await uow.sites.get(slug)
        contents = SiteContents(
            longtails=sum((await uow.longtails.count_by_status(slug)).values()), articles=await uow.articles.count(slug)
        )
        if not dry_run:
            if await uow.schedules.find(slug):
                raise Conflict(ConflictReason.SCHEDULE_EXISTS, slug, hint=Hint.REMOVE_SCHEDULE)
            batches = await uow.batches.list_all(site=slug, limit=1000)
            if any(batch.status is BatchStatus.RUNNING for batch in batches):
                raise Conflict(ConflictReason.BATCH_RUNNING, slug, hint=Hint.CANCEL_BATCH)
            await uow.publications.lock(slug)
            if count := await uow.publications.count_at_targets(slug):  # nothing would know these pages any more
                raise Conflict(ConflictReason.SITE_PUBLISHED, slug, count=str(count), hint=Hint.LIST_PUBLICATIONS)
            hold = await uow.holds.release(slug, by=by.name)
            forgotten = await forget_site(uow, slug)
            await uow.sites.delete(slug)
            if hold:
                await uow.audit.record(Action.HOLD_RELEASE, slug, by=by, site=slug, before=hold.state)
            for each in forgotten:
                await uow.audit.record(
                    each.action, each.subject, by=by, site=slug, before=each.before, after=each.after
                )
            await uow.audit.record(Action.SITE_REMOVE, slug, by=by, site=slug, before=_json(site))
        return contents


async def _require_address(uow: UnitOfWork, site: Site, before: Site | None) -> None:
    """Raise Conflict for another site's base_url, unless it is kept.

    Sites that an earlier version let share one can be changed without it.
    """
    if before is not None and site.has_address_of(before):
        return
    await uow.sites.lock_addresses()
    for other in await uow.sites.list_all():
        if other.slug != site.slug and site.has_address_of(other):
            raise Conflict(
                ConflictReason.BASE_URL_TAKEN,
                site.slug,
                other=other.slug,
                address=str(other.base_url),
                hint=Hint.CHANGE_BASE_URL,
            )


def _json(site: Site | None) -> dict[str, Any] | None:
    return site.model_dump(mode="json") if site else None
