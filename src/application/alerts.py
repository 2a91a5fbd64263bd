"""Lists what the watchdog found."""

from src.domain.alert import Alert, AlertKind, SlotAlert
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database


async def list_alerts(database: Database, *, by: Principal, ended: bool, limit: int) -> list[Alert]:
    """Return the open alerts that somebody may read, the newest first.

    With ``ended`` all, open or not.
    """
    async with database.unit_of_work() as uow:
        return await uow.alerts.list_all(sites=by.sites(Action.SITE_READ), ended=ended, limit=limit)


async def list_alert_page(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    kind: AlertKind | None = None,
    ended: bool = False,
    excerpt: Excerpt[MomentPosition],
) -> Page[Alert, MomentPosition]:
    """Return a page of the open alerts, the newest first.

    They are those of the sites that somebody may read; with ``ended`` all, open or not. Raises NotFound for an unknown
    site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.alerts.list_page(sites=sites, kind=kind, ended=ended, excerpt=excerpt)


async def list_slot_alerts(
    database: Database, site: str | None = None, *, by: Principal, limit: int
) -> list[SlotAlert]:
    """Return the alerts of slots, the newest slot first.

    ``site`` None is all sites that somebody may read. Raises NotFound, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.alerts.list_of_slots(sites=sites, limit=limit)
