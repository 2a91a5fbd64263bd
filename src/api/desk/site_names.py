"""Sites and batches as people call them."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from src.application.sites import sites_by_slug
from src.bootstrap import Application
from src.domain.batch import Batch
from src.domain.site import Site


async def readable_sites(desk: Application) -> dict[str, Site]:
    """Return the sites that the person may read, by slug."""
    return await sites_by_slug(desk.database, by=desk.principal)


def batch_words(batch: Batch, sites: Mapping[str, Site]) -> str:
    """Return a batch as people call it: its site and slot."""
    site = sites.get(batch.site)
    at = batch.slot.astimezone(ZoneInfo(site.time_zone if site else "UTC"))
    return f"{site.name if site else batch.site}, {at:%a} {at.day} {at:%b %H:%M}"


def batch_choices(batches: Sequence[Batch], sites: Mapping[str, Site]) -> list[tuple[str, str]]:
    """Return batches as a choice offers them."""
    return [(str(batch.id), batch_words(batch, sites)) for batch in batches]
