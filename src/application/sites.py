"""Adds, shows and removes sites."""

from pydantic import BaseModel, ConfigDict

from src.domain.batch import BatchStatus
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.longtail import LongtailStatus
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database


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


class SiteContents(BaseModel):
    """What is deleted together with a site."""

    model_config = ConfigDict(frozen=True)

    longtails: int
    articles: int


async def add_site(database: Database, site: Site) -> bool:
    """Add the site, or replace its description. Return whether it is new."""
    async with database.unit_of_work() as uow:
        return await uow.sites.upsert(site)


async def list_sites(database: Database) -> list[SiteSummary]:
    """Return every site, by slug."""
    async with database.unit_of_work() as uow:
        sites = await uow.sites.list_all()
        ready = await uow.longtails.count_ready_by_site()
        return [SiteSummary(site=site, ready=ready.get(site.slug, 0)) for site in sites]


async def get_site_details(database: Database, slug: str) -> SiteDetails:
    """Return the site with its counts. Raises NotFound."""
    async with database.unit_of_work() as uow:
        site = await uow.sites.get(slug)
        return SiteDetails(site=site, longtails=await uow.longtails.count_by_status(slug))


async def remove_site(database: Database, slug: str, *, dry_run: bool) -> SiteContents:
    """Delete the site with its longtails, batches and articles.

    Return what went, or would go with ``dry_run``.

    Raises NotFound, and Conflict while it has a schedule or a batch that is running.
    """
    async with database.unit_of_work() as uow:
        await uow.sites.get(slug)
        contents = SiteContents(
            longtails=sum((await uow.longtails.count_by_status(slug)).values()), articles=await uow.articles.count(slug)
        )
        if not dry_run:
            if await uow.schedules.find(slug):
                raise Conflict(ConflictReason.SCHEDULE_EXISTS, slug, hint=Hint.REMOVE_SCHEDULE)
            batches = await uow.batches.list_all(site=slug, limit=1000)
            if any(batch.status is BatchStatus.RUNNING for batch in batches):
                raise Conflict(ConflictReason.BATCH_RUNNING, slug, hint=Hint.CANCEL_BATCH)
            await uow.sites.delete(slug)
        return contents
