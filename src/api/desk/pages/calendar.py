"""Calendar: slots of a month by site, why, and backfills."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from src.application import schedules
from src.application.calendar import CalendarMonth, CalendarRow, CalendarSlot
from src.domain.batch import BatchStatus
from src.domain.ids import BackfillId
from src.domain.paging import Moment
from src.domain.permissions import Action
from src.domain.scheduling.backfill import BackfillPlan
from src.domain.scheduling.schedule import Overlap
from src.domain.scheduling.slot_evidence import Outcome

from ...slots import require_few
from ...values import SiteSlug
from ..console_words import OVERLAP, WHY
from ..filters import ChosenSite
from ..forms import Site, schedule_link
from ..notices import Notice
from ..shell import PATH, redirect, render, with_query
from ..signed_in import Desk
from ..slots import LEGEND, cells, count_kinds, kind_of, word_of
from ..troubles import stamp
from ..wording import BATCH, plural

router = APIRouter()

_MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"
_MOST_TROUBLES = 12  # the cells show all
_TROUBLES = ("gap", "bad", "part")
Slots = Annotated[list[Moment], Form(alias="slot", min_length=1, max_length=1000)]


@dataclass(frozen=True)
class Asked:
    """What of the calendar is asked for."""

    month: Annotated[str | None, Query(pattern=_MONTH)] = None
    site: ChosenSite = None
    slot: Moment | None = None
    day: date | None = None
    week: date | None = None
    since: Annotated[str, Query(max_length=60)] = ""


@router.get("/calendar")
async def show_calendar(request: Request, acting: Desk, asked: Annotated[Asked, Depends()]) -> Response:
    """Show a month, and the chosen slot with what can be done."""
    today = datetime.now(UTC).date()
    first = date.fromisoformat(f"{asked.month}-01") if asked.month else today.replace(day=1)
    shown = await acting.calendar.month(first, since=asked.since)
    row, chosen = _find(shown, asked.site, asked.slot)
    plan = await _plan_of(acting, row, chosen)
    days = _days(first)
    seen = _week(asked.week or (chosen.day if chosen else today if today in days else days[-1]))
    return await render(
        request,
        "calendar.html",
        calendar=shown,
        days=days,
        today=today,
        week=seen,
        weeks=[(each, f"{each:%Y-%m}") for each in (min(seen) - timedelta(days=7), min(seen) + timedelta(days=7))],
        month=f"{first:%Y-%m}",
        months=_around(first),
        kinds=count_kinds(shown.rows),
        legend=LEGEND,
        cells=lambda each, at: cells(each, at, month=f"{first:%Y-%m}", chosen=asked.slot),
        troubles=_troubles(shown),
        row=row,
        chosen=chosen,
        of_day=[each for each in row.slots if each.day == asked.day] if row and asked.day else [],
        word_of=word_of,
        why=_why(chosen),
        plan=plan,
        overlaps=OVERLAP,
        stamp=stamp,
        temporal=schedule_link(acting, row.site.slug) if row else None,
        gaps=[each for each in row.slots if _is_gap(each)] if row else [],
        following=with_query(f"{PATH}/calendar", month=asked.month, since=shown.following) if shown.following else None,
    )


@router.get("/calendar/plan")
async def plan_backfill(
    request: Request,
    acting: Desk,
    site: Annotated[str, Query(max_length=60)],
    slot: Annotated[list[Moment], Query(min_length=1, max_length=1000)],
    force: bool = False,
    max_articles: Annotated[int | None, Query(ge=1, le=100_000)] = None,
) -> Response:
    """Show what a backfill of these slots would do."""
    plan = await acting.backfills.plan(site, require_few(sorted(set(slot))), force=force, max_articles=max_articles)
    zone = await schedules.get_time_zone(acting.database, site, by=acting.principal)
    return await render(
        request,
        "backfill_plan.html",
        plan=plan,
        zone=zone,
        overlaps=OVERLAP,
        stamp=stamp,
        max_articles=max_articles,
        states=BATCH,
        asked=len(slot),
    )


@router.post("/calendar/backfills")
async def request_backfill(
    request: Request,
    acting: Desk,
    site: Site,
    slots: Slots,
    overlap: Annotated[Overlap, Form()] = Overlap.BUFFER_ALL,
    force: Annotated[bool, Form()] = False,
    max_articles: Annotated[int | None, Form(ge=1, le=100_000)] = None,
) -> Response:
    """Run the slots that are missing or failed."""
    wanted = require_few(sorted(set(slots)))
    plan = await acting.backfills.plan(site, wanted, force=force, max_articles=max_articles)
    if not plan.to_run:
        notice = Notice(
            kind="off", head="Nothing to do", text="These slots ran, run or wait already, or no keyword is ready."
        )
        return redirect(request, with_query(f"{PATH}/calendar", site=site, month=f"{wanted[0]:%Y-%m}"), notice)
    backfill, requested = await acting.backfills.request(plan, overlap=overlap)
    runs = len(requested.to_run)
    words = f"{plural(runs, 'slot')}, up to {plural(requested.articles, 'article')}."
    if runs < len(wanted):
        words += f" {plural(len(wanted) - runs, 'slot was', 'slots were')} left out: they ran, run or wait already."
    return redirect(request, f"{PATH}/calendar/backfills/{site}/{backfill}", Notice(head="Backfill", text=words))


@router.get("/calendar/backfills/{site}/{backfill}")
async def show_backfill(request: Request, acting: Desk, site: SiteSlug, backfill: BackfillId) -> Response:
    """Show what became of each slot of a backfill."""
    acting.principal.require(Action.SITE_READ, site)
    slots = await acting.backfills.progress(backfill, site=site)
    zone = await schedules.get_time_zone(acting.database, site, by=acting.principal)
    broken = (BatchStatus.FAILED, BatchStatus.CANCELLED, BatchStatus.STOPPED)
    return await render(
        request,
        "backfill.html",
        site=site,
        slots=slots,
        zone=zone,
        states=BATCH,
        stamp=stamp,
        is_over=all(each.stopped or each.status not in (None, BatchStatus.RUNNING) for each in slots),
        left=[each for each in slots if each.stopped or each.status is None or each.status in broken],
    )


@router.get("/calendar/stop")
async def confirm_stop(request: Request, acting: Desk, site: Annotated[str, Query(max_length=60)]) -> Response:
    """Show what stopping a site's backfills does."""
    acting.principal.require(Action.SCHEDULE_STOP_BACKFILL, site)
    lines = [
        "No further slot of the site’s backfills starts.",
        "Their batches that run are cancelled: finished articles stay, other keywords are ready again.",
        "The schedule goes on.",
    ]
    return await render(
        request,
        "confirm.html",
        section="Calendar",
        title=f"Stop the backfills of {site}?",
        lines=lines,
        action=f"{PATH}/calendar/stop",
        hidden=[("site", site)],
        button="Stop the backfills",
        back=with_query(f"{PATH}/calendar", site=site),
    )


@router.post("/calendar/stop")
async def stop_backfills(request: Request, acting: Desk, site: Site) -> Response:
    """Stop a site's backfills."""
    stopped = await acting.backfills.stop(site)
    notice = Notice(
        kind="ok" if stopped else "off",
        head="Stopped" if stopped else "Nothing to stop",
        text=f"{plural(len(stopped), 'slot')} of backfills.",
    )
    return redirect(request, with_query(f"{PATH}/calendar", site=site), notice)


def _find(
    shown: CalendarMonth, site: str | None, slot: datetime | None
) -> tuple[CalendarRow | None, CalendarSlot | None]:
    row = next((each for each in shown.rows if each.site.slug == site), None)
    return row, next((each for each in row.slots if each.slot == slot), None) if row and slot else None


def _is_gap(slot: CalendarSlot) -> bool:
    return slot.report is not None and slot.report.outcome.is_gap and slot.report.outcome is not Outcome.PAUSED


async def _plan_of(acting: Desk, row: CalendarRow | None, chosen: CalendarSlot | None) -> BackfillPlan | None:
    """Return the plan for a chosen gap that somebody may fill."""
    if row is None or chosen is None or chosen.report is None or not chosen.report.outcome.is_gap:
        return None
    if not acting.principal.may(Action.SCHEDULE_BACKFILL, row.site.slug):
        return None
    force = chosen.report.outcome is Outcome.NO_LONGTAILS
    return await acting.backfills.plan(row.site.slug, [chosen.slot], force=force)


def _why(chosen: CalendarSlot | None) -> str:
    return WHY.get(chosen.report.outcome, "") if chosen and chosen.report else ""


def _troubles(shown: CalendarMonth) -> list[tuple[CalendarRow, CalendarSlot]]:
    found = [(row, slot) for row in shown.rows for slot in row.slots if kind_of(slot) in _TROUBLES]
    return sorted(found, key=lambda each: each[1].slot, reverse=True)[:_MOST_TROUBLES]


def _days(first: date) -> list[date]:
    following = (first + timedelta(days=32)).replace(day=1)
    return [first + timedelta(days=at) for at in range((following - first).days)]


def _week(day: date) -> set[date]:
    monday = day - timedelta(days=day.weekday())
    return {monday + timedelta(days=at) for at in range(7)}


def _around(first: date) -> list[tuple[str, str, bool]]:
    """Return three months, each with name and whether it is this."""
    before, after = (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=32)).replace(day=1)
    return [(f"{each:%Y-%m}", f"{each:%B}", each == first) for each in (before, first, after)]
