"""Shows the queue: filtered, sorted, counted, from text to text."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from src.domain.batch import Batch
from src.domain.ids import ArticleId
from src.domain.paging import Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.queue import QueueFilter, QueuePosition, Tab
from src.domain.site import Site
from src.infrastructure.database.review_queue import Claim, QueueRow
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .approval_effect import SiteEffect, site_effect

_CLAIMS = 500
_BATCHES = 20  # newest ones to choose from


class QueuePage(BaseModel):
    """A page of the queue with what it takes to show it.

    Attributes:
        counts: how many rows each tab has in this filter.
        sites: those that the person may read, by their slugs.
        effects: what this person's approval does on each site of the page's rows.
        people: what everybody is called, by name.
        reviewers: names of those who may decide on some of these sites.
        batches: the newest of these sites, to choose from; none of texts that were picked.
        waiting: how many texts need a review in all; None: the filter's counts do not tell.
    """

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    page: Page[QueueRow, QueuePosition]
    counts: dict[Tab, int]
    sites: dict[str, Site]
    effects: dict[str, SiteEffect]
    people: dict[str, str]
    reviewers: list[str]
    batches: list[Batch] = []
    waiting: int | None = None


class Neighbours(BaseModel):
    """The texts before and after one in a filter.

    Attributes:
        position: from 1; of a text that left the filter, that which it had.
        is_inside: whether it still is in the filter.
    """

    model_config = ConfigDict(frozen=True)

    previous: ArticleId | None
    next: ArticleId | None
    position: int
    total: int
    is_inside: bool


async def list_queue(
    database: Database, where: QueueFilter, *, by: Principal, after: QueuePosition | None = None, limit: int
) -> QueuePage:
    """Return a page of the queue as somebody may read it.

    Raises NotFound for an unknown site, and NotPermitted.
    """
    where = where.within(by.name)
    async with database.unit_of_work() as uow:
        readable = await _readable(uow, by)
        sites = await _sites(uow, where, readable, by)
        page = await uow.queue.list_page(where, sites=sites, after=after, limit=limit)
        counts = await uow.queue.count(where, sites=sites)
        shown = await _with_context(uow, page, counts, readable, by)
        batches = await uow.batches.list_all(sites=by.sites(Action.SITE_READ), limit=_BATCHES)
    waiting = counts[Tab.NEEDS_REVIEW] if where.is_default and not where.snoozed else None
    return shown.model_copy(update={"batches": batches, "waiting": waiting})


async def list_picked(database: Database, article_ids: Sequence[ArticleId], *, by: Principal) -> QueuePage:
    """Return these texts of those that somebody may read.

    Others are left out.
    """
    async with database.unit_of_work() as uow:
        readable = await _readable(uow, by)
        rows = await uow.queue.list_some(article_ids, sites=by.sites(Action.SITE_READ))
        return await _with_context(uow, Page(rows, None), {}, readable, by)


async def _with_context(
    uow: UnitOfWork,
    page: Page[QueueRow, QueuePosition],
    counts: dict[Tab, int],
    readable: dict[str, Site],
    by: Principal,
) -> QueuePage:
    people = await uow.users.list_all()
    slugs = sorted({each.site for each in page.items})
    places = (None, *readable)
    return QueuePage(
        page=page,
        counts=counts,
        sites=readable,
        effects={slug: await site_effect(uow, readable[slug], by=by) for slug in slugs},
        people={each.name: each.display_name for each in people},
        reviewers=[each.name for each in people if any(each.may(Action.REVIEW_CLAIM, place) for place in places)],
    )


async def count_queue(database: Database, where: QueueFilter, *, by: Principal) -> dict[Tab, int]:
    """Return how many rows of each tab the filter leaves.

    Raises NotFound, NotPermitted.
    """
    where = where.within(by.name)
    async with database.unit_of_work() as uow:
        return await uow.queue.count(where, sites=await _sites(uow, where, await _readable(uow, by), by))


async def neighbours(database: Database, article_id: ArticleId, where: QueueFilter, *, by: Principal) -> Neighbours:
    """Return the texts before and after this one in the filter.

    One that was decided meanwhile keeps its place between them. Raises NotFound, NotPermitted.
    """
    where = where.within(by.name)
    async with database.unit_of_work() as uow:
        site, _ = await uow.reviews.find_site(article_id)
        by.require(Action.SITE_READ, site)
        sites = await _sites(uow, where, await _readable(uow, by), by)
        place = await uow.queue.find_place(article_id, where, sites=sites)
        if place is None:
            return Neighbours(previous=None, next=None, position=1, total=0, is_inside=False)
        is_inside = await uow.queue.is_among(article_id, where, sites=sites)
        return Neighbours(
            previous=place.previous,
            next=place.next,
            position=place.before + 1,
            total=place.total,
            is_inside=is_inside,
        )


async def list_claims(database: Database, *, by: Principal) -> list[Claim]:
    """Return which texts somebody looks at now, some hundreds at most."""
    async with database.unit_of_work() as uow:
        return await uow.queue.list_claims(sites=by.sites(Action.SITE_READ), limit=_CLAIMS)


async def _readable(uow: UnitOfWork, by: Principal) -> dict[str, Site]:
    return {site.slug: site for site in await uow.sites.list_all() if by.may(Action.SITE_READ, site.slug)}


async def _sites(
    uow: UnitOfWork, where: QueueFilter, readable: dict[str, Site], by: Principal
) -> frozenset[str] | None:
    """Return the sites that the filter is about; None: all."""
    sites = by.sites_of(Action.SITE_READ, where.site)
    if where.site is not None:
        await uow.sites.get(where.site)
    if where.language is None:
        return sites
    speaking = frozenset(slug for slug, site in readable.items() if site.language == where.language)
    return speaking if sites is None else speaking & sites
