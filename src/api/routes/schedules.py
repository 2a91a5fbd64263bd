"""Schedules: set, paused, triggered, and their slots."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field

from src.application import schedules
from src.application.schedule_drift import DriftReport
from src.domain.paging import Moment
from src.domain.scheduling.forecast import Forecast
from src.domain.scheduling.schedule import Drift, Overlap, ScheduleState
from src.domain.scheduling.schedule_change import SchedulePreview, ScheduleWrite
from src.domain.scheduling.slot_evidence import SlotReport
from src.infrastructure.database.audit import AuditEvent

from .. import values
from ..authentication import Acting
from ..etags import Expecting, tag
from ..examples import SCHEDULE
from ..once import Route
from ..schedule_form import ScheduleForm
from ..slots import period
from ..values import Note, SiteSlug

router = APIRouter(route_class=Route, tags=["schedules"])

Wanted = Annotated[ScheduleForm, Body(openapi_examples={"on weekdays": {"value": SCHEDULE}})]


class Pause(values.Body):
    """A pause to begin."""

    note: Note
    until: Moment | None = Field(default=None, description="Left out: until somebody resumes it.")


class Resume(values.Body):
    """A pause to end."""

    note: Note


class Trigger(values.Body):
    """A batch besides the regular slots."""

    overlap: Overlap = Overlap.BUFFER_ALL


@router.get("/schedules")
async def list_schedules(acting: Acting) -> list[ScheduleState]:
    """List the schedules of your sites.

    As they are desired, and as Temporal has them."""
    return await acting.schedules.list_all()


@router.get("/schedules/drift")
async def list_drift(acting: Acting) -> list[Drift]:
    """List how Temporal's schedules differ from the desired ones."""
    return await acting.schedule_drift.find()


@router.get("/sites/{site}/schedule")
async def show_schedule(acting: Acting, site: SiteSlug, response: Response) -> ScheduleState:
    """Show a schedule with its last and next runs.

    The ETag names what is desired."""
    state = await acting.schedules.get(site)
    tag(response, state.schedule)
    return state


@router.put("/sites/{site}/schedule")
async def set_schedule(
    acting: Acting, site: SiteSlug, wanted: Wanted, expecting: Expecting, response: Response
) -> ScheduleWrite:
    """Set a schedule as a whole.

    If-Match names the one that it replaces; If-None-Match: * says that there is none."""
    write = await acting.schedules.set(site, wanted.change, colour=wanted.colour, expected=expecting)
    tag(response, write.after)
    return write


@router.delete("/sites/{site}/schedule", status_code=204)
async def remove_schedule(acting: Acting, site: SiteSlug) -> None:
    """Delete a schedule; batches under way continue."""
    await acting.schedules.remove(site)


@router.post("/sites/{site}/schedule/preview")
async def preview_schedule(acting: Acting, site: SiteSlug, wanted: Wanted) -> SchedulePreview:
    """Show what setting this schedule would do.

    Its next runs, and what daylight saving does to them."""
    return await acting.schedules.preview(site, wanted.change)


@router.post("/sites/{site}/schedule/pause", status_code=204)
async def pause_schedule(acting: Acting, site: SiteSlug, asked: Pause) -> None:
    """Pause a schedule, until a moment if one is given."""
    await acting.schedules.pause(site, note=asked.note, until=asked.until)


@router.post("/sites/{site}/schedule/resume", status_code=204)
async def resume_schedule(acting: Acting, site: SiteSlug, asked: Resume) -> None:
    """End a pause."""
    await acting.schedules.resume(site, note=asked.note)


@router.post("/sites/{site}/schedule/trigger", status_code=202)
async def trigger_schedule(acting: Acting, site: SiteSlug, asked: Trigger) -> None:
    """Run one batch now; a paused schedule stays paused."""
    await acting.schedules.trigger(site, overlap=asked.overlap)


@router.post("/sites/{site}/schedule/repair")
async def repair_schedule(acting: Acting, site: SiteSlug) -> DriftReport:
    """Make Temporal's schedule the desired one again."""
    return await acting.schedule_drift.sync(site, repair=True)


@router.post("/sites/{site}/schedule/adopt")
async def adopt_pause(acting: Acting, site: SiteSlug) -> DriftReport:
    """Keep a pause that was made in Temporal."""
    return await acting.schedule_drift.sync(site, adopt=True)


@router.get("/sites/{site}/schedule/history")
async def list_history(acting: Acting, site: SiteSlug) -> list[AuditEvent]:
    """List who changed a schedule, the oldest change first."""
    return await schedules.list_history(acting.database, site, by=acting.principal)


@router.get("/sites/{site}/schedule/gaps")
async def list_gaps(
    acting: Acting,
    site: SiteSlug,
    first: Annotated[Moment | None, Query(description="Left out: 14 days before the end.")] = None,
    end: Annotated[Moment | None, Query(description="Not included; left out: now.")] = None,
) -> list[SlotReport]:
    """List every expected slot with what became of it, and why."""
    return await acting.gaps.list_slots(site, *period(first, end))


@router.get("/sites/{site}/schedule/forecast")
async def forecast_schedule(acting: Acting, site: SiteSlug, days: Annotated[int, Query(ge=1, le=31)] = 14) -> Forecast:
    """Forecast the coming runs: keywords, money, and when something runs out."""
    return await acting.forecasts.get(site, days=days)
