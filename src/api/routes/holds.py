"""Holds on a site or on all of them."""

from fastapi import APIRouter
from pydantic import Field

from src.application import holds
from src.application.holds import HoldResult
from src.domain.hold import Hold, HoldDepth

from ..authentication import Acting
from ..once import Route
from ..values import Body, Note, SiteSlug

router = APIRouter(route_class=Route, tags=["holds"])


class SetHold(Body):
    """A hold to be set."""

    depth: HoldDepth = Field(description="articles: start none; stages: stop before the next; calls: cancel them.")
    note: Note


@router.get("/holds")
async def list_holds(acting: Acting) -> list[Hold]:
    """List the current holds, the one on all sites first."""
    return await holds.list_holds(acting.database, by=acting.principal)


@router.put("/holds")
async def hold_all(acting: Acting, asked: SetHold) -> HoldResult:
    """Hold all sites, or change that hold."""
    return await acting.holds.set(None, depth=asked.depth, note=asked.note)


@router.delete("/holds")
async def release_all(acting: Acting) -> HoldResult:
    """End the hold on all sites; those on single sites stay."""
    return await acting.holds.release(None)


@router.put("/sites/{site}/hold")
async def hold_site(acting: Acting, site: SiteSlug, asked: SetHold) -> HoldResult:
    """Hold a site, or change its hold."""
    return await acting.holds.set(site, depth=asked.depth, note=asked.note)


@router.delete("/sites/{site}/hold")
async def release_site(acting: Acting, site: SiteSlug) -> HoldResult:
    """End a site's hold."""
    return await acting.holds.release(site)
