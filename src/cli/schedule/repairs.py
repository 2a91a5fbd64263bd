"""``longtail schedule backfill`` and ``sync``: run missed slots, repair drift."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from src.application.backfills import Backfills
from src.application.schedules import get_time_zone
from src.bootstrap import Application
from src.domain.batch import BatchStatus
from src.domain.errors import InputInvalid
from src.domain.ids import BackfillId
from src.domain.scheduling.backfill import BackfilledSlot, BackfillPlan, PlannedSlot
from src.domain.scheduling.schedule import Overlap

from ..connections import with_application
from ..options import JsonOption, SiteOption
from ..terminal import err, in_zone, out, print_json, print_table, status
from ..views import short
from . import options as read

POLL_SECONDS = 0.5


def backfill(
    site: SiteOption,
    first: Annotated[str | None, typer.Option("--from", help="First day or moment, in the schedule's zone.")] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="Last day (all of it) or moment, in the schedule's zone.")
    ] = None,
    overlap: Annotated[str, typer.Option(help="buffer_all: one after another; allow_all: all at once.")] = "buffer_all",
    max_articles: Annotated[int | None, typer.Option(min=1, help="Over all slots, at most so many.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run slots again that are done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; ask for nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="End with the last slot, and report each.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the site's backfills instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run slots that are missing or failed.

    Done ones stay as they are unless --force.

    Its batches run below today's work. The same command again runs nothing that is done or under way.

    Example: longtail schedule backfill hardware-shop --from 2026-11-01 --to 2026-11-10 --dry-run
    """
    policy = read.overlap(overlap)

    async def work(application: Application) -> bool:
        backfills = application.backfills
        zone = await get_time_zone(application.database, site, by=application.principal)
        if stop:
            stopped = await backfills.stop(site)
            out.print(f"stopped; {len(stopped)} requested slots will not begin any more")
            return True
        if first is None or last is None:
            raise InputInvalid("--from and --to", None, "say which days: --from 2026-11-01 --to 2026-11-10")
        begin, end = read.period(first, last, zone, now=datetime.now(UTC))
        slots = await backfills.list_slots(site, begin, end)
        plan = await backfills.plan(site, slots, force=force, max_articles=max_articles)
        if dry_run:
            print_plan(plan, zone, as_json=as_json)
            return True
        return await _run_plan(backfills, plan, policy, zone, wait=wait, as_json=as_json)

    if not with_application(work):
        raise typer.Exit(1)


async def _run_plan(
    backfills: Backfills, plan: BackfillPlan, overlap: Overlap, zone: str, *, wait: bool, as_json: bool
) -> bool:
    """Show and request the plan; return whether it completed.

    Without ``wait`` nothing is waited for, and the result is True.
    """
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


def print_plan(plan: BackfillPlan, zone: str, *, as_json: bool) -> None:
    """Print what becomes of each slot, with articles and cost."""
    if as_json:
        print_json(plan)
        return
    print_table(
        ["slot", "so far", "runs", "articles"],
        (
            [
                in_zone(planned.slot, zone),
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
    as_json: JsonOption = False,
) -> None:
    """Compare the desired schedules with Temporal's.

    Works also after Temporal was wiped or edited by hand. Nothing changes without --repair or --adopt.

    Leaves with 1 when they differ and nothing was told to repair it.

    Example: longtail schedule sync --repair
    """

    report = with_application(lambda application: application.schedule_drift.sync(site, repair=repair, adopt=adopt))
    if as_json:
        print_json(report)
    else:
        for drift in report.found:
            verb = drift.repair if drift in report.left else "done"
            out.print(f"{drift.site}: {drift.found} ({verb})", markup=False, soft_wrap=True)
        out.print(
            "Temporal has the desired schedules" if not report.left else "repair with: longtail schedule sync --repair"
        )
    if report.left:
        raise typer.Exit(1)


def _left_alone(plan: BackfillPlan, asked: BackfillPlan) -> list[PlannedSlot]:
    """Return the plan's slots, without articles where others requested them."""
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


def _print_ended(ended: list[BackfilledSlot], zone: str) -> None:
    print_table(
        ["slot", "batch", "came to"],
        (
            [
                in_zone(each.slot, zone),
                short(each.batch_id) if each.batch_id else "–",
                status(each.status or "stopped"),
            ]
            for each in ended
        ),
    )
