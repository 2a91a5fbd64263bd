"""Sites: read, added, replaced as a whole, removed."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from src.application import sites
from src.application.sites import SiteContents, SiteDetails, SiteSummary
from src.domain.errors import InputInvalid
from src.domain.paging import NamePosition
from src.domain.site import Site

from ..authentication import Acting
from ..etags import Expecting, tag
from ..examples import SITE
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import SiteSlug

router = APIRouter(route_class=Route, tags=["sites"])

Described = Annotated[Site, Body(openapi_examples={"a shop": {"value": SITE}})]


@router.get("/sites")
async def list_sites(acting: Acting, paging: Asked) -> Listed[SiteSummary]:
    """List the sites that you may read, by slug.

    Each with its number of ready keywords."""
    return listed(
        await sites.list_readable_sites(acting.database, by=acting.principal, excerpt=paging.excerpt(NamePosition))
    )


@router.post("/sites", status_code=201)
async def add_site(acting: Acting, site: Described, response: Response) -> Site:
    """Add a site, described as its TOML file would."""
    added = await sites.create_site(acting.database, site, by=acting.principal)
    response.headers["Location"] = f"/api/v1/sites/{added.slug}"
    tag(response, added)
    return added


@router.get("/sites/{site}")
async def show_site(acting: Acting, site: SiteSlug, response: Response) -> SiteDetails:
    """Show a site with its keywords by status.

    The ETag names its description."""
    found = await sites.get_site_details(acting.database, site, by=acting.principal)
    tag(response, found.site)
    return found


@router.put("/sites/{site}")
async def replace_site(
    acting: Acting, site: SiteSlug, description: Described, expecting: Expecting, response: Response
) -> Site:
    """Replace a site's description; If-Match says which one."""
    if description.slug != site:
        raise InputInvalid("slug", description.slug, f"the slug of a site never changes; this one is {site}")
    replaced = await sites.replace_site(acting.database, description, by=acting.principal, expected=expecting)
    tag(response, replaced)
    return replaced


@router.delete("/sites/{site}")
async def remove_site(
    acting: Acting,
    site: SiteSlug,
    dry_run: Annotated[bool, Query(description="Only say what would be deleted.")] = False,
) -> SiteContents:
    """Delete a site with its keywords, batches and articles; answer what went."""
    return await sites.remove_site(acting.database, site, by=acting.principal, dry_run=dry_run)
