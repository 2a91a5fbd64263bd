"""``longtail schedule gaps``, ``forecast`` and ``alerts``: what became of every slot, and what will."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from src.application.forecasts import forecast as foretell
from src.application.gaps import DEFAULT_PERIOD
from src.bootstrap import Application
from src.domain.errors import LongtailError
from src.domain.scheduling.backfill import BackfillPlan
from src.domain.scheduling.forecast import Forecast
from src.domain.scheduling.schedule import Overlap
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.watches import Alert

from ..connections import with_application, with_database
from ..errors import worded
from ..terminal import Markup, err, local, out, print_json, print_table
from . import options as read
from . import repairs as schedule_repairs

Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
OptionalSite = Annotated[str | None, typer.Argument(metavar="SITE", help="The site's slug; default: all sites.")]

_STYLES = {Outcome.RAN: "green", Outcome.RUNNING: "cyan", Outcome.DUE: "cyan"}


def gaps(
    site: OptionalSite = None,
    first: Annotated[
        str | None, typer.Option("--from", help="First day or moment, in the site's zone; default: 14 days ago.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day (all of it) or moment, in the site's zone; default: now.")
    ] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="Make up every gap, one slot after another.")] = False,
    as_json: Json = False,
) -> None:
    """Hold every expected slot against what happened: ran, failed, paused and by whom, lost to an outage, and so on.

    Leaves with 1 if there are gaps: slots that should have articles, have none, and will get none by themselves. With
    --backfill the code still tells what was found; look again when the made up slots have run.

    Example: longtail schedule gaps hardware-shop --from 2026-11-01 --backfill
    """

    async def work(application: Application) -> dict[str, list[SlotReport]]:
        async with application.database.unit_of_work() as uow:
            sites = [await uow.sites.get(site)] if site else await uow.sites.list_all()
        report = application.gaps
        zones = {each.slug: ZoneInfo(each.time_zone) for each in sites}
        found = {slug: await report.of(slug, *_period(first, last, zone)) for slug, zone in zones.items()}
        if not as_json:
            _print_slots(found, zones)
        plans = await _made_up(application, found) if backfill else []
        if as_json:
            slots = [slot.model_dump(mode="json") for each in found.values() for slot in each]
            print_json({"slots": slots, "backfills": [plan.model_dump(mode="json") for plan in plans]})
        else:
            for plan in plans:
                schedule_repairs.print_plan(plan, zones[plan.site], as_json=False)
        return found

    found = with_application(work)
    if any(slot.outcome.is_gap for slots in found.values() for slot in slots):
        raise typer.Exit(1)


def forecast(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="How far to look ahead.")] = 14,
    as_json: Json = False,
) -> None:
    """Show the coming runs: longtails, estimated cost, and the day on which longtails or budget run out.

    Example: longtail schedule forecast hardware-shop --days 14
    """

    async def work(application: Application) -> tuple[Forecast, ZoneInfo]:
        async with application.database.unit_of_work() as uow:
            zone = ZoneInfo((await uow.sites.get(site)).time_zone)
        return await foretell(application.client, application.database, site, days=days), zone

    foreseen, zone = with_application(work)
    if as_json:
        print_json(foreseen)
    else:
        _print_forecast(foreseen, zone, days)


def alerts(
    site: OptionalSite = None, limit: Annotated[int, typer.Option(min=1, max=1000)] = 50, as_json: Json = False
) -> None:
    """List what the watchdog found: slots without a batch, and schedules that will not start their next one.

    Example: longtail schedule alerts hardware-shop
    """

    async def work(database: Database) -> list[Alert]:
        async with database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            return await uow.watches.list_alerts(site, limit=limit)

    found = with_database(work)
    if as_json:
        print_json(found)
        return
    print_table(
        ["site", "slot", "reason", "noticed", "detail"],
        (
            [each.site, local(each.slot), each.reason.replace("_", " "), local(each.raised_at), each.message]
            for each in found
        ),
    )


def _period(first: str | None, last: str | None, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    if last is None:
        return read.moment(first, "--from", zone.key) if first else None, None
    begin, end = read.period(first or last, last, zone.key, now=datetime.now(UTC))
    return begin if first else end - DEFAULT_PERIOD, end


async def _made_up(application: Application, found: dict[str, list[SlotReport]]) -> list[BackfillPlan]:
    """Ask for every gap, and return what was asked for; a site that cannot have it hides no other's.

    A slot that found no longtails counts as done, so that one has to be forced.
    """
    backfills = application.backfills
    asked = []
    for site, slots in found.items():
        missing = [slot for slot in slots if slot.outcome.is_gap]
        is_forced = any(slot.outcome is Outcome.NO_LONGTAILS for slot in missing)
        if not missing:
            continue
        try:
            plan = await backfills.plan(site, [slot.slot for slot in missing], force=is_forced)
            asked.append((await backfills.request(plan, overlap=Overlap.BUFFER_ALL))[1])
        except LongtailError as error:
            err.print(f"{site}: {worded(error)}", markup=False, soft_wrap=True)
    return asked


def _print_slots(found: dict[str, list[SlotReport]], zones: dict[str, ZoneInfo]) -> None:
    print_table(
        ["site", "slot", "what happened", "batch", "detail"],
        (
            [
                slot.site,
                _shown(slot.slot, zones[site]),
                _outcome(slot.outcome),
                str(slot.batch_id)[:8] if slot.batch_id else "–",
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


def _print_forecast(foreseen: Forecast, zone: ZoneInfo, days: int) -> None:
    print_table(
        ["run", "longtails", "left", "about", "budget"],
        (
            [
                _shown(run.slot, zone),
                run.articles,
                run.left,
                "unknown" if run.cost_usd is None else f"${run.cost_usd:.4f}",
                f"over {run.over_budget}" if run.over_budget else "–",
            ]
            for run in foreseen.runs
        ),
    )
    if foreseen.paused:
        err.print(f"paused {foreseen.paused}", markup=False)
    articles = sum(run.articles for run in foreseen.runs)
    cost = "of unknown cost" if foreseen.article_usd is None else f"for about ${foreseen.article_usd * articles:.4f}"
    out.print(f"{len(foreseen.runs)} runs in {days} days, {articles} articles {cost}; {foreseen.ready} longtails ready")
    for what, at in (
        ("longtails run out", foreseen.longtails_run_out),
        ("the budget runs out", foreseen.budget_runs_out),
    ):
        out.print(f"{what} within these days: {_shown(at, zone) if at else 'no'}")


def _shown(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
