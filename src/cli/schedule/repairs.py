"""``longtail schedule backfill`` and ``sync``: making up slots, and making Temporal what is wanted."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from src.application.backfills import Backfills
from src.application.schedule_drift import Drift
from src.bootstrap import Application
from src.domain.batch import BatchStatus
from src.domain.errors import InputInvalid
from src.domain.ids import BackfillId
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan, PlannedSlot
from src.domain.scheduling.schedule import Overlap

from ..connections import with_application
from ..terminal import err, out, print_json, print_table, status
from . import options as read

Site = Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]

POLL_SECONDS = 0.5


def backfill(
    site: Site,
    first: Annotated[str | None, typer.Option("--from", help="First day or moment, in the site's zone.")] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day (all of it) or moment, in the site's zone.")
    ] = None,
    overlap: Annotated[str, typer.Option(help="buffer_all: one after another; allow_all: all at once.")] = "buffer_all",
    max_articles: Annotated[int | None, typer.Option(min=1, help="Over all slots, at most so many.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run slots again that are done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; ask for nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="End with the last slot, and report each.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the site's backfills instead.")] = False,
    as_json: Json = False,
) -> None:
    """Make up slots that are missing or failed; done ones stay as they are unless --force.

    Its batches run below today's work. The same command again runs nothing that is done or under way.

    Example: longtail schedule backfill hardware-shop --from 2026-11-01 --to 2026-11-10 --dry-run
    """
    policy = read.overlap(overlap)

    async def work(application: Application) -> bool:
        backfills = application.backfills
        async with application.database.unit_of_work() as uow:
            zone = ZoneInfo((await uow.sites.get(site)).time_zone)
        if stop:
            stopped = await backfills.stop(site)
            out.print(f"stopped; {len(stopped)} requested slots will not begin any more")
            return True
        if first is None or last is None:
            raise InputInvalid("--from and --to", None, "say which days: --from 2026-11-01 --to 2026-11-10")
        begin, end = read.period(first, last, zone.key, now=datetime.now(UTC))
        plan = await backfills.plan(
            site, await backfills.slots(site, begin, end), force=force, max_articles=max_articles
        )
        if dry_run:
            print_plan(plan, zone, as_json=as_json)
            return True
        return await run_plan(backfills, plan, policy, zone, wait=wait, as_json=as_json)

    if not with_application(work):
        raise typer.Exit(1)


async def run_plan(
    backfills: Backfills, plan: BackfillPlan, overlap: Overlap, zone: ZoneInfo, *, wait: bool, as_json: bool
) -> bool:
    """Show the plan, ask for it, and wait for it if told to. Returns whether every slot waited for is complete."""
    backfill_id, asked = await backfills.request(plan, overlap=overlap)
    print_plan(plan.model_copy(update={"slots": tuple(_left_alone(plan, asked))}), zone, as_json=as_json and not wait)
    if not wait or not asked.to_run:
        return True
    ended = await _followed(backfills, backfill_id)
    if as_json:
        print_json(ended)
    else:
        _print_ended(ended, zone)
    return all(each.status is BatchStatus.COMPLETED for each in ended)


def print_plan(plan: BackfillPlan, zone: ZoneInfo, *, as_json: bool) -> None:
    """Slot by slot: what is done, what runs, how many articles, and what they cost as far as that is known."""
    if as_json:
        print_json(plan)
        return
    print_table(
        ["slot", "so far", "runs", "articles"],
        (
            [
                f"{planned.slot.astimezone(zone):%a %Y-%m-%d %H:%M %Z}",
                status(planned.status or "missing"),
                "yes" if planned.runs else "–",
                planned.articles or "–",
            ]
            for planned in plan.slots
        ),
    )
    cost = "unknown cost" if plan.cost_usd is None else f"about ${plan.cost_usd:.4f}"
    out.print(f"{len(plan.to_run)} of {len(plan.slots)} slots run, {plan.articles} articles, {cost}")
    if len(plan.to_run) < sum(planned.status is None for planned in plan.slots):
        err.print(f"{plan.ready} longtails are ready; import more to fill every slot")


def sync(
    site: Annotated[str | None, typer.Argument(metavar="SITE", help="The site's slug; default: all sites.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make Temporal what the database wants.")] = False,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take pauses made in Temporal over into the database.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the wanted schedules with Temporal's, also after it was wiped or edited by hand. Changes nothing alone.

    Leaves with 1 when they differ and nothing was told to repair it.

    Example: longtail schedule sync --repair
    """

    async def work(application: Application) -> tuple[list[Drift], list[Drift]]:
        drift = application.schedule_drift
        found = await drift.find(site)
        if adopt:
            await drift.adopt(found)
        if repair:
            await drift.repair(await drift.find(site) if adopt else found)
        return found, await drift.find(site) if repair or adopt else found

    found, left = with_application(work)
    if as_json:
        print_json({"found": [d.model_dump() for d in found], "left": [d.model_dump() for d in left]})
    else:
        for each in found:
            verb = each.repair if each in left else "done"
            out.print(f"{each.site}: {each.found} ({verb})", markup=False, soft_wrap=True)
        out.print("Temporal has what is wanted" if not left else "repair with: longtail schedule sync --repair")
    if left:
        raise typer.Exit(1)


def _left_alone(plan: BackfillPlan, asked: BackfillPlan) -> list[PlannedSlot]:
    """The plan's slots, those that somebody else asked for meanwhile without articles."""
    running = {planned.slot: planned for planned in asked.to_run}
    return [running.get(planned.slot, planned.model_copy(update={"articles": 0})) for planned in plan.slots]


async def _followed(backfills: Backfills, backfill_id: BackfillId) -> list[BackfilledSlot]:
    said = -1
    while True:
        slots = await backfills.progress(backfill_id)
        ended = [each for each in slots if each.stopped or each.status not in (None, BatchStatus.RUNNING)]
        if len(ended) > said:
            said = len(ended)
            err.print(f"{said} of {len(slots)} slots ended")
        if len(ended) == len(slots):
            return slots
        await asyncio.sleep(POLL_SECONDS)


def _print_ended(ended: list[BackfilledSlot], zone: ZoneInfo) -> None:
    print_table(
        ["slot", "batch", "came to"],
        (
            [
                f"{each.slot.astimezone(zone):%a %Y-%m-%d %H:%M %Z}",
                str(each.batch_id)[:8] if each.batch_id else "–",
                status(each.status or "stopped"),
            ]
            for each in ended
        ),
    )
