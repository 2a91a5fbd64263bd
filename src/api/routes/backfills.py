"""Backfills: slots that are missing or failed, run again."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from src.domain.ids import BackfillId
from src.domain.paging import Moment
from src.domain.permissions import Action
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan
from src.domain.scheduling.schedule import Overlap

from ..authentication import Acting
from ..once import Route
from ..slots import period, require_few
from ..values import Body, SiteSlug

router = APIRouter(route_class=Route, tags=["schedules"])


class Backfill(Body):
    """A period whose slots are to run."""

    first: Moment
    end: Moment = Field(description="Not included.")
    force: bool = Field(default=False, description="Also slots that are done.")
    max_articles: int | None = Field(default=None, ge=1, le=100_000, description="In all of them together.")
    overlap: Overlap = Overlap.BUFFER_ALL


class RequestedBackfill(BaseModel):
    """A backfill that was requested, or planned only."""

    model_config = ConfigDict(frozen=True)

    id: BackfillId | None  # None: nothing was requested
    plan: BackfillPlan


class StoppedBackfills(BaseModel):
    """The slots of the backfills that were stopped."""

    model_config = ConfigDict(frozen=True)

    slots: list[Moment]


@router.post("/sites/{site}/backfills", status_code=202)
async def request_backfill(
    acting: Acting,
    site: SiteSlug,
    asked: Backfill,
    dry_run: Annotated[bool, Query(description="Only plan it.")] = False,
) -> RequestedBackfill:
    """Run the slots of a period that are missing or failed."""
    slots = require_few(await acting.backfills.list_slots(site, *period(asked.first, asked.end)))
    plan = await acting.backfills.plan(site, slots, force=asked.force, max_articles=asked.max_articles)
    if dry_run or not plan.to_run:
        return RequestedBackfill(id=None, plan=plan)
    backfill_id, requested = await acting.backfills.request(plan, overlap=asked.overlap)
    return RequestedBackfill(id=backfill_id, plan=requested)


@router.get("/sites/{site}/backfills/{backfill}")
async def show_backfill(acting: Acting, site: SiteSlug, backfill: BackfillId) -> list[BackfilledSlot]:
    """Show what became of each requested slot, the oldest first."""
    acting.principal.require(Action.SITE_READ, site)
    return await acting.backfills.progress(backfill, site=site)


@router.post("/sites/{site}/schedule/stop-backfills")
async def stop_backfills(acting: Acting, site: SiteSlug) -> StoppedBackfills:
    """Stop a site's backfills.

    No further slot starts, and those that run are cancelled."""
    return StoppedBackfills(slots=await acting.backfills.stop(site))
