"""``longtail schedule gaps``, ``forecast`` and ``alerts``: past and coming slots."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from src.application.alerts import list_slot_alerts
from src.application.gaps import DEFAULT_PERIOD, SlotList
from src.application.schedules import get_time_zone, list_time_zones
from src.bootstrap import Application
from src.domain.alert import SlotAlert
from src.domain.errors import LongtailError
from src.domain.principal import Principal
from src.domain.scheduling.backfill import BackfillPlan
from src.domain.scheduling.forecast import Forecast
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.infrastructure.database.unit_of_work import Database

from ..connections import with_application, with_person
from ..errors import worded
from ..options import JsonOption, SiteOption
from ..terminal import Markup, err, in_zone, local, out, print_json, print_table
from ..views import short
from . import options as read
from .repairs import print_plan

OptionalSite = Annotated[str | None, typer.Argument(metavar="SITE", help="The site's slug; default: all sites.")]

_STYLES = {Outcome.RAN: "green", Outcome.RUNNING: "cyan", Outcome.DUE: "cyan"}


def gaps(
    site: OptionalSite = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day or moment, in the schedule's zone; default: 14 days ago.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day (all of it) or moment, in the schedule's zone; default: now.")
    ] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="Backfill every gap, one slot after another.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hold every expected slot against what happened.

    Ran, failed, paused and by which person, lost to an outage, and so on.

    Leaves with 1 if there are gaps: slots that should have articles, have none, and will get none by themselves. With
    --backfill the exit code is that of what was found; repeat it when the backfill has run.

    Example: longtail schedule gaps hardware-shop --from 2026-11-01 --backfill
    """

    async def work(application: Application) -> dict[str, list[SlotReport]]:
        zones = await list_time_zones(application.database, site, by=application.principal)
        found = {
            slug: await application.gaps.list_slots(slug, *_period(first, last, zone)) for slug, zone in zones.items()
        }
        if not as_json:
            _print_slots(found, zones)
        plans = await _backfill(application, found) if backfill else []
        if as_json:
            print_json(SlotList(slots=[slot for each in found.values() for slot in each], backfills=plans))
        else:
            for plan in plans:
                print_plan(plan, zones[plan.site], as_json=False)
        return found

    found = with_application(work)
    if any(slot.outcome.is_gap for slots in found.values() for slot in slots):
        raise typer.Exit(1)


def forecast(
    site: SiteOption,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far to look ahead.")] = 14,
    as_json: JsonOption = False,
) -> None:
    """Show the coming runs.

    Longtails, estimated cost, and the day on which longtails or budget run out.

    Example: longtail schedule forecast hardware-shop --days 14
    """

    async def work(application: Application) -> tuple[Forecast, str]:
        zone = await get_time_zone(application.database, site, by=application.principal)
        return await application.forecasts.get(site, days=days), zone

    forecast, zone = with_application(work)
    if as_json:
        print_json(forecast)
    else:
        _print_forecast(forecast, zone, days)


def alerts(
    site: OptionalSite = None, limit: Annotated[int, typer.Option(min=1, max=1000)] = 50, as_json: JsonOption = False
) -> None:
    """List what the watchdog found.

    Slots without a batch, and schedules that will not start their next one.

    Example: longtail schedule alerts hardware-shop
    """

    async def work(database: Database, by: Principal) -> tuple[list[SlotAlert], dict[str, str]]:
        return await list_slot_alerts(database, site, by=by, limit=limit), await list_time_zones(database, by=by)

    found, zones = with_person(work)
    if as_json:
        print_json(found)
        return
    print_table(
        ["site", "slot", "reason", "noticed", "until", "detail"],
        (
            [
                each.site,
                in_zone(each.slot, zones[each.site]),
                each.reason.replace("_", " "),
                local(each.raised_at),
                local(each.until),
                each.message,
            ]
            for each in found
        ),
    )


def _period(first: str | None, last: str | None, zone: str) -> tuple[datetime | None, datetime | None]:
    if last is None:
        return read.moment(first, "--from", zone) if first else None, None
    begin, end = read.period(first or last, last, zone, now=datetime.now(UTC))
    return begin if first else end - DEFAULT_PERIOD, end


async def _backfill(application: Application, found: dict[str, list[SlotReport]]) -> list[BackfillPlan]:
    """Request every gap, and return what was requested.

    A site that cannot have it hides no other's.
    """
    plans = []
    for site, slots in found.items():
        try:
            if plan := await application.backfills.request_gaps(site, slots):
                plans.append(plan)
        except LongtailError as error:
            err.print(f"{site}: {worded(error)}", markup=False, soft_wrap=True)
    return plans


def _print_slots(found: dict[str, list[SlotReport]], zones: dict[str, str]) -> None:
    print_table(
        ["site", "slot", "what happened", "batch", "detail"],
        (
            [
                slot.site,
                in_zone(slot.slot, zones[site]),
                _outcome(slot.outcome),
                short(slot.batch_id) if slot.batch_id else "–",
                slot.detail,
            ]
            for site, slots in found.items()
            for slot in slots
        ),
    )
    counts: defaultdict[Outcome, int] = defaultdict(int)
    for slots in found.values():
        for slot in slots:
            counts[slot.outcome] += 1
    missing = sum(count for outcome, count in counts.items() if outcome.is_gap)
    summary = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
    out.print(f"{sum(counts.values())} slots were expected: {summary or 'none'}")
    if missing:
        err.print(f"{missing} gaps; make them up with: longtail schedule gaps {' '.join(_only(found))}--backfill")


def _only(found: dict[str, list[SlotReport]]) -> list[str]:
    return [f"{site} " for site in found] if len(found) == 1 else []


def _outcome(outcome: Outcome) -> Markup:
    style = "red" if outcome.is_gap else _STYLES.get(outcome, "yellow")
    return Markup(f"[{style}]{outcome.replace('_', ' ')}[/{style}]")


def _print_forecast(forecast: Forecast, zone: str, days: int) -> None:
    print_table(
        ["run", "longtails", "left", "about", "budget"],
        (
            [
                in_zone(run.slot, zone),
                run.articles,
                run.left,
                "unknown" if run.cost_usd is None else f"${run.cost_usd:.4f}",
                f"over {run.over_budget}" if run.over_budget else "–",
            ]
            for run in forecast.runs
        ),
    )
    if pause := forecast.pause:
        until = f"until {in_zone(pause.until, zone)}" if pause.until else "without an end"
        err.print(f"paused by {pause.started_by}, {until}: {pause.note}", markup=False, soft_wrap=True)
    articles = sum(run.articles for run in forecast.runs)
    cost = "of unknown cost" if forecast.article_usd is None else f"for about ${forecast.article_usd * articles:.4f}"
    out.print(f"{len(forecast.runs)} runs in {days} days, {articles} articles {cost}; {forecast.ready} longtails ready")
    for what, at in (
        ("longtails run out", forecast.longtails_run_out),
        ("the budget runs out", forecast.budget_runs_out),
    ):
        out.print(f"{what} within these days: {in_zone(at, zone) if at else 'no'}")
