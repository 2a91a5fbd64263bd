"""Schedules: set with a preview, paused, resumed, triggered, repaired, removed."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import ValidationError

from src.application import schedules
from src.application.sites import list_sites
from src.domain.errors import ChangedMeanwhile, Conflict, EngineUnavailable, InputInvalid, LongtailError, NotFound
from src.domain.permissions import Action
from src.domain.scheduling.schedule import Overlap, ScheduleState
from src.domain.versions import Expected, version_of
from src.infrastructure.database.audit import AuditEvent

from ...schedule_form import ScheduleForm
from ...values import SiteSlug
from ..console_words import OVERLAP
from ..forms import Note, schedule_link
from ..notices import Notice
from ..schedule_fields import NAMES, WEEKDAYS, Fields, local_moment, read_fields, shown_fields
from ..shell import PATH, redirect, render, wants_json
from ..signed_in import Desk
from ..wording import plural

router = APIRouter()

_HISTORY_SHOWN = 20
Chosen = Annotated[list[str], Form(alias="site", max_length=1000)]


@router.get("/schedules")
async def list_schedules(request: Request, acting: Desk) -> Response:
    """List the sites with their schedules."""
    problem, known = None, list[ScheduleState]()
    try:
        known = await acting.schedules.list_all()
    except EngineUnavailable as error:
        problem = error.message
    return await render(
        request,
        "schedules.html",
        sites=[each.site for each in await list_sites(acting.database, by=acting.principal)],
        known={each.site: each for each in known},
        problem=problem,
        may_change=any(acting.principal.may(Action.SCHEDULE_PAUSE, each.site) for each in known),
    )


@router.post("/schedules/pause")
async def pause_several(request: Request, acting: Desk, sites: Chosen, note: Note = "") -> Response:
    """Pause the chosen schedules."""
    return await _several(request, acting, sites, note, is_pause=True)


@router.post("/schedules/resume")
async def resume_several(request: Request, acting: Desk, sites: Chosen, note: Note = "") -> Response:
    """Resume the chosen schedules."""
    return await _several(request, acting, sites, note, is_pause=False)


@router.get("/schedules/{site}")
async def show_schedule(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Show a schedule, its next runs, and the form that sets it."""
    return await _show(request, acting, site)


@router.post("/schedules/{site}/preview")
async def preview_schedule(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Show what setting the schedule would do; store nothing."""
    acting.principal.require(Action.SCHEDULE_SET, site)
    fields = shown_fields(await request.form())
    try:
        form = read_fields(fields)
        preview = await acting.schedules.preview(site, form.change)
    except ValidationError as error:
        problems = {str(each["loc"][0] if each["loc"] else "way"): each["msg"] for each in error.errors()}
        return await _show(request, acting, site, fields=fields, problems=problems, status=422)
    except InputInvalid as error:
        return await _show(request, acting, site, fields=fields, problems={"way": error.message}, status=422)
    return await _show(request, acting, site, fields=fields, preview=preview)


@router.post("/schedules/{site}")
async def set_schedule(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Store a schedule that was previewed."""
    given = await request.form()
    fields = shown_fields(given)
    form = _valid(fields)
    seen = str(given.get("version", ""))
    expected = Expected(versions=frozenset({seen})) if seen else Expected(nothing=True)
    try:
        write = await acting.schedules.set(site, form.change, colour=form.colour, expected=expected)
    except (ChangedMeanwhile, Conflict) as error:
        if wants_json(request):
            raise
        preview = await acting.schedules.preview(site, form.change)
        return await _show(request, acting, site, fields=fields, preview=preview, status=error.status)
    changed = ", ".join(name.replace("_", " ") for name in write.differences) or "nothing"
    words = "It runs from now on." if write.before is None else f"Changed: {changed}."
    return redirect(request, f"{PATH}/schedules/{site}", Notice(head="Set", text=words))


@router.post("/schedules/{site}/pause")
async def pause_schedule(
    request: Request, acting: Desk, site: SiteSlug, note: Note, until: Annotated[str, Form(max_length=30)] = ""
) -> Response:
    """Pause a schedule, until a moment if one is given."""
    zone = await schedules.get_time_zone(acting.database, site, by=acting.principal)
    end = local_moment(until, zone) if until else None
    await acting.schedules.pause(site, note=_noted(note), until=end)
    words = "Until somebody resumes it." if end is None else f"It resumes by itself on {until.replace('T', ' at ')}."
    return redirect(request, f"{PATH}/schedules/{site}", Notice(head="Paused", text=words))


@router.post("/schedules/{site}/resume")
async def resume_schedule(request: Request, acting: Desk, site: SiteSlug, note: Note = "") -> Response:
    """End a pause."""
    was_paused = await acting.schedules.resume(site, note=note or "resumed in the desk")
    notice = Notice(head="Resumed", text="The next slot runs." if was_paused else "It was not paused.")
    return redirect(request, f"{PATH}/schedules/{site}", notice)


@router.post("/schedules/{site}/trigger")
async def trigger_schedule(
    request: Request, acting: Desk, site: SiteSlug, overlap: Annotated[Overlap, Form()] = Overlap.BUFFER_ALL
) -> Response:
    """Run one batch now."""
    await acting.schedules.trigger(site, overlap=overlap)
    notice = Notice(
        head="Triggered",
        text="A batch begins as soon as a worker takes it.",
        link=f"{PATH}/batches?site={site}",
        link_text="See batches",
    )
    return redirect(request, f"{PATH}/schedules/{site}", notice)


@router.post("/schedules/{site}/repair")
async def repair_schedule(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Write the desired schedule to Temporal again."""
    report = await acting.schedule_drift.sync(site, repair=True)
    words = f"{plural(len(report.found), 'difference')} found, {len(report.left)} left."
    notice = Notice(kind="bad" if report.left else "ok", head="Repaired", text=words)
    return redirect(request, f"{PATH}/schedules/{site}", notice)


@router.get("/schedules/{site}/remove")
async def confirm_remove(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Show what removing a schedule does."""
    acting.principal.require(Action.SCHEDULE_REMOVE, site)
    lines = [
        "No further batch of the site starts by itself, and no gap is reported.",
        "Batches under way go on; keywords, articles and the history stay.",
        "It can be set again at any time.",
    ]
    here = f"{PATH}/schedules/{site}"
    return await render(
        request,
        "confirm.html",
        section="Schedules",
        title=f"Remove the schedule of {site}?",
        lines=lines,
        action=f"{here}/remove",
        hidden=[],
        button="Remove the schedule",
        back=here,
    )


@router.post("/schedules/{site}/remove")
async def remove_schedule(request: Request, acting: Desk, site: SiteSlug) -> Response:
    """Remove a schedule."""
    await acting.schedules.remove(site)
    return redirect(request, f"{PATH}/schedules", Notice(head="Removed", text=f"{site} starts nothing by itself."))


async def _show(
    request: Request,
    acting: Desk,
    site: str,
    *,
    fields: Fields | None = None,
    preview: object = None,
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    described = next(
        (each.site for each in await list_sites(acting.database, by=acting.principal) if each.site.slug == site), None
    )
    if described is None:
        acting.principal.require(Action.SITE_READ, site)
        raise NotFound("site", site)
    known, problem = await _state(acting, site)
    history: list[AuditEvent] = await schedules.list_history(acting.database, site, by=acting.principal)
    return await render(
        request,
        "schedule.html",
        status=status,
        site=described,
        known=known,
        zone=known.schedule.time_zone if known else described.time_zone,
        problem=problem,
        fields=fields or shown_fields(known.schedule if known else None),
        version=version_of(known.schedule) if known else "",
        preview=preview,
        is_changed=status in (ChangedMeanwhile.status, Conflict.status),
        problems=problems or {},
        names=NAMES,
        weekdays=WEEKDAYS,
        overlaps=OVERLAP,
        history=history[-_HISTORY_SHOWN:][::-1],
        temporal=schedule_link(acting, site) if known else None,
        now=datetime.now(UTC),
    )


async def _state(acting: Desk, site: str) -> tuple[ScheduleState | None, str | None]:
    """Return the schedule, None without one, and why Temporal does not say."""
    try:
        return await acting.schedules.get(site), None
    except NotFound:
        return None, None
    except EngineUnavailable as error:
        return None, error.message


async def _several(request: Request, acting: Desk, sites: list[str], note: str, *, is_pause: bool) -> Response:
    done, refused = 0, []
    for site in dict.fromkeys(sites):
        try:
            if is_pause:
                await acting.schedules.pause(site, note=_noted(note))
            else:
                await acting.schedules.resume(site, note=note or "resumed in the desk")
            done += 1
        except LongtailError as error:  # one site's trouble keeps no other
            refused.append(f"{site}: {error.message}")
    text = f"{plural(done, 'schedule')}." + (f" Not done: {'; '.join(refused)}" if refused else "")
    kind = "warn" if refused else "ok"
    return redirect(
        request, f"{PATH}/schedules", Notice(kind=kind, head="Paused" if is_pause else "Resumed", text=text[:600])
    )


def _valid(fields: Fields) -> ScheduleForm:
    try:
        return read_fields(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputInvalid(str(first["loc"][0] if first["loc"] else "when"), "…", first["msg"]) from error


def _noted(note: str) -> str:
    """Return the remark. Raises InputInvalid where there is none."""
    if note:
        return note
    raise InputInvalid("note", "", "say why; others will want to know")
