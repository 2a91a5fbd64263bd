"""``longtail schedule``: when each site's batches run, and what became of every slot."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from src.application.schedules import Written
from src.bootstrap import Application
from src.domain.colour import BLUE, Colour, parse_colour
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import Overlap, Schedule, ScheduleState
from src.infrastructure.temporal import schedule_spec

from ..connections import with_application
from ..terminal import err, in_words, local, out, print_json, print_table
from . import history as schedule_history
from . import options as read
from . import repairs as schedule_repairs
from . import reports as schedule_reports
from .change import Wish

app = typer.Typer(
    help="Run a site's batches by the clock; pause, resume, trigger, make up.",
    no_args_is_help=True,
    add_completion=False,
)

app.command("history")(schedule_history.history)
app.command("backfill")(schedule_repairs.backfill)
app.command("sync")(schedule_repairs.sync)
app.command("gaps")(schedule_reports.gaps)
app.command("forecast")(schedule_reports.forecast)
app.command("alerts")(schedule_reports.alerts)

Site = Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
Note = Annotated[str, typer.Option(help="Why, for whoever looks next.")]
Opt = typer.Option

PREVIEWED = 10  # runs that are shown before a schedule is saved
YEARS_WARNED = 1  # of clock changes ahead


@app.command("set")
def set_(
    site: Site,
    daily: Annotated[str | None, Opt(help="Clock times, each day: 06:00, or 06:00,18:30.")] = None,
    on: Annotated[str | None, Opt(help="Only on these days: mon-fri, or sat,sun; or every-day.")] = None,
    cron: Annotated[list[str] | None, Opt(help="Five fields; may be repeated.")] = None,
    calendar: Annotated[list[str] | None, Opt(help="'day=1,15 hour=6 minute=30'; may be repeated.")] = None,
    every: Annotated[str | None, Opt(help="An interval: 6h, 1d.")] = None,
    offset: Annotated[str | None, Opt(help="With --every: so much after the full interval.")] = None,
    time_zone: Annotated[str | None, Opt(help="IANA name; at first the site's.")] = None,
    jitter: Annotated[str | None, Opt(help="Spread each start over this long, or none.")] = None,
    start: Annotated[str | None, Opt(help="Nothing before this date or moment, or none.")] = None,
    end: Annotated[str | None, Opt(help="Nothing after this date or moment, or none.")] = None,
    skip: Annotated[list[str] | None, Opt(help="A date without runs; may be repeated; none clears them.")] = None,
    overlap: Annotated[str | None, Opt(help=f"While the last run is under way: {', '.join(Overlap)}.")] = None,
    catch_up: Annotated[str | None, Opt(help="Make up slots missed by no more than this; at first 72h.")] = None,
    pause_on_failure: Annotated[
        bool | None, Opt("--pause-on-failure/--no-pause-on-failure", help="Pause when no article of a batch succeeded.")
    ] = None,
    articles: Annotated[int | None, Opt(min=0, max=10_000, help="Per run; 0: the site's own number.")] = None,
    colour: Annotated[Colour, Opt(parser=parse_colour, metavar="blue|green", help="Whose workers make them.")] = BLUE,
    dry_run: Annotated[bool, Opt("--dry-run", help="Show the next runs and what would change; save nothing.")] = False,
) -> None:
    """Set when a site's batches run. Setting it again changes only what is named; a pause and its note stay.

    A daily time that a clock change skips runs as much later; one that comes twice runs at its second coming.

    Example: longtail schedule set hardware-shop --daily 06:00 --on mon-fri --time-zone Europe/London
    """
    wish = Wish(
        daily=daily,
        on=on,
        cron=cron or (),
        calendar=calendar or (),
        every=every,
        offset=offset,
        time_zone=time_zone,
        jitter=jitter,
        start=start,
        end=end,
        skip=skip or (),
        overlap=overlap,
        catch_up=catch_up,
        pause_on_failure=pause_on_failure,
        articles=articles,
    )

    async def work(application: Application) -> None:
        async with application.database.unit_of_work() as uow:
            zone = (await uow.sites.get(site)).time_zone
            known = await uow.schedules.find(site)
        wanted = wish.change(known.schedule if known else None, site_zone=zone)
        await _preview(application, site, wanted)
        if dry_run:
            _print_written(Written(before=known.schedule if known else None, after=wanted))
            out.print("nothing was saved")
            return
        written = await application.schedules.set(
            site, lambda before: wish.change(before, site_zone=zone), colour=colour
        )
        _print_written(written)
        out.print(f"saved; see: longtail schedule show {site}")

    with_application(work)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List every site's schedule.

    Example: longtail schedule list
    """
    states = with_application(lambda application: application.schedules.all())
    if as_json:
        print_json(states)
        return
    print_table(
        ["site", "runs", "time zone", "overlap", "next run", "state"],
        (
            [
                state.site,
                state.schedule.when,
                state.schedule.time_zone,
                state.schedule.overlap,
                local(state.next_runs[0]) if state.next_runs else "–",
                state.differs
                or (f"paused by {state.pause.started_by}: {state.pause.note}" if state.pause else "active"),
            ]
            for state in states
        ),
    )


@app.command()
def show(site: Site, as_json: Json = False) -> None:
    """Show a site's schedule with its next and last runs.

    Example: longtail schedule show hardware-shop
    """
    state = with_application(lambda application: application.schedules.get(site))
    if as_json:
        print_json(state)
    else:
        _print(state)


@app.command()
def pause(
    site: Site,
    note: Note = "paused by hand",
    until: Annotated[str | None, Opt(help="Resume by itself then: a date or moment in the site's zone.")] = None,
) -> None:
    """Start nothing until resumed. Slots that pass meanwhile do not run; `schedule gaps` lists them.

    Example: longtail schedule pause hardware-shop --note "relaunch" --until 2027-01-04T06:00
    """

    async def work(application: Application) -> datetime | None:
        async with application.database.unit_of_work() as uow:
            zone = (await uow.sites.get(site)).time_zone
        end = read.moment(until, "--until", zone) if until else None
        await application.schedules.pause(site, note=note, until=end)
        return end

    end = with_application(work)
    later = f"resumes by itself at {local(end)}" if end else f"go on with: longtail schedule resume {site}"
    out.print(f"{site} is paused; {later}")


@app.command()
def resume(site: Site, note: Note = "resumed by hand") -> None:
    """Go on with the next slot.

    Example: longtail schedule resume hardware-shop
    """

    async def work(application: Application) -> ScheduleState:
        schedules = application.schedules
        await schedules.resume(site, note=note)
        return await schedules.get(site)

    _print(with_application(work))


@app.command()
def trigger(
    site: Site,
    limit: Annotated[int | None, Opt(min=1, max=10_000, help="At most so many articles.")] = None,
    overlap: Annotated[str, Opt(help="While another run is under way.")] = Overlap.BUFFER_ALL,
) -> None:
    """Run one batch now, as the schedule would; also while it is paused.

    With --limit it is a batch by hand on the schedule's workers, outside the schedule's own queue.

    Example: longtail schedule trigger hardware-shop --limit 2
    """
    policy = read.overlap(overlap)

    async def work(application: Application) -> None:
        if limit is None:
            await application.schedules.trigger(site, overlap=policy)
            return
        state = await application.schedules.get(site)
        await application.batches.start(site, limit=limit, colour=state.colour)

    with_application(work)
    out.print(f"triggered; see: longtail batch list {site}")


@app.command()
def remove(site: Site) -> None:
    """Delete a site's schedule. Batches under way go on; nothing that was written is touched.

    Example: longtail schedule remove hardware-shop
    """
    with_application(lambda application: application.schedules.remove(site))
    out.print(f"{site} has no schedule any more")


async def _preview(application: Application, site: str, wanted: Schedule) -> None:
    """Show the next runs, and warn of clock changes and of batches that take longer than the time between runs."""
    coming = await schedule_spec.next_slots(application.client, wanted, datetime.now(UTC), PREVIEWED)
    zone = ZoneInfo(wanted.time_zone)
    for run in coming:
        out.print(f"next  {run.astimezone(zone):%a %Y-%m-%d %H:%M %Z}")
    if not coming:
        err.print("it never runs; look at its start, end and skipped dates")
    for day, at, what in slots.clock_changes(wanted, datetime.now(UTC).date(), YEARS_WARNED):
        err.print(f"clocks change on {day} in {wanted.time_zone}: {at:%H:%M} {what}")
    async with application.database.unit_of_work() as uow:
        usual = await uow.batches.median_duration(site)
    between = min((later - earlier for earlier, later in pairwise(coming)), default=None)
    if usual and between and usual > between:
        err.print(
            f"a batch of {site} usually takes {in_words(usual)}, longer than the {in_words(between)} between runs: "
            f"with overlap {wanted.overlap} runs will pile up or be dropped"
        )


def _print_written(written: Written) -> None:
    if written.before is None:
        out.print("a new schedule")
    for field, (before, after) in written.differences.items():
        out.print(f"{field.replace('_', ' ')}: {before} → {after}", markup=False)
    if written.before is not None and not written.differences:
        out.print("nothing changes")


def _print(state: ScheduleState) -> None:
    schedule = state.schedule
    out.print(f"{state.site}: {schedule.when} {schedule.time_zone}, {state.colour} workers", markup=False)
    out.print(f"overlap {schedule.overlap}, made up when missed by at most {in_words(schedule.catch_up)}")
    if state.pause:
        until = f", until {local(state.pause.until)}" if state.pause.until else ""
        out.print(f"[yellow]paused[/yellow] by {escape(state.pause.started_by)}: {escape(state.pause.note)}{until}")
    elif not state.differs:
        out.print("active")
    if state.differs:
        out.print(f"[yellow]{escape(state.differs)}[/yellow]; see: longtail schedule sync {state.site}", soft_wrap=True)
    for at in state.next_runs[:5]:
        out.print(f"{'would run' if state.pause else 'next'}  {local(at)}")
    for at in state.recent_runs[-5:]:
        out.print(f"ran   {local(at)}")
