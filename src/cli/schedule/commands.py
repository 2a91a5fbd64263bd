"""``longtail schedule``: when batches run, and what became of slots."""

from typing import Annotated

import typer
from rich.markup import escape

from src.application.schedules import get_time_zone
from src.bootstrap import Application
from src.domain.scheduling.schedule import Overlap, ScheduleState
from src.domain.scheduling.schedule_change import SchedulePreview, ScheduleWrite

from ..connections import with_application
from ..options import ColourOption, JsonOption, SiteOption
from ..terminal import err, in_words, in_zone, out, print_json, print_table
from . import history as schedule_history
from . import options as read
from . import repairs as schedule_repairs
from . import reports as schedule_reports
from .change import ScheduleOptions

app = typer.Typer(
    help="Run a site's batches by the clock; pause, resume, trigger, backfill.",
    no_args_is_help=True,
    add_completion=False,
)

app.command("history")(schedule_history.history)
app.command("backfill")(schedule_repairs.backfill)
app.command("sync")(schedule_repairs.sync)
app.command("gaps")(schedule_reports.gaps)
app.command("forecast")(schedule_reports.forecast)
app.command("alerts")(schedule_reports.alerts)

Note = Annotated[str, typer.Option(help="Why, for the next person.")]
Opt = typer.Option


@app.command("set")
def set_(
    site: SiteOption,
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
    catch_up: Annotated[str | None, Opt(help="Catch up slots missed by no more than this; at first 72h.")] = None,
    pause_on_failure: Annotated[
        bool | None, Opt("--pause-on-failure/--no-pause-on-failure", help="Pause when no article of a batch succeeded.")
    ] = None,
    articles: Annotated[int | None, Opt(min=0, max=10_000, help="Per run; 0: the site's own number.")] = None,
    colour: ColourOption = None,
    dry_run: Annotated[bool, Opt("--dry-run", help="Show the next runs and what would change; save nothing.")] = False,
) -> None:
    """Set when a site's batches run.

    Setting it again changes only what is named; a pause and its note stay.

    A daily time skipped by daylight saving runs later by the length of the change; a repeated time runs at its second
    occurrence.

    Example: longtail schedule set hardware-shop --daily 06:00 --on mon-fri --time-zone Europe/London
    """
    options = ScheduleOptions(
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

    async def work(application: Application) -> ScheduleWrite:
        change = options.read(zone=await get_time_zone(application.database, site, by=application.principal))
        preview = await application.schedules.preview(site, change)
        _print_preview(site, preview)
        return preview.write if dry_run else await application.schedules.set(site, change, colour=colour)

    _print_write(with_application(work))
    out.print("nothing was saved" if dry_run else f"saved; see: longtail schedule show {site}")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List every site's schedule.

    Example: longtail schedule list
    """
    states = with_application(lambda application: application.schedules.list_all())
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
                in_zone(state.next_runs[0], state.schedule.time_zone) if state.next_runs else "–",
                state.differs
                or (f"paused by {state.pause.started_by}: {state.pause.note}" if state.pause else "active"),
            ]
            for state in states
        ),
    )


@app.command()
def show(site: SiteOption, as_json: JsonOption = False) -> None:
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
    site: SiteOption,
    note: Note = "paused by hand",
    until: Annotated[str | None, Opt(help="Resume by itself then: a date or moment in the schedule's zone.")] = None,
) -> None:
    """Start nothing until resumed.

    Slots that pass meanwhile do not run; `schedule gaps` lists them.

    Example: longtail schedule pause hardware-shop --note "relaunch" --until 2027-01-04T06:00
    """

    async def work(application: Application) -> str | None:
        zone = await get_time_zone(application.database, site, by=application.principal)
        end = read.moment(until, "--until", zone) if until else None
        await application.schedules.pause(site, note=note, until=end)
        return in_zone(end, zone) if end else None

    end = with_application(work)
    later = f"resumes by itself at {end}" if end else f"resume it with: longtail schedule resume {site}"
    out.print(f"{site} is paused; {later}", soft_wrap=True)


@app.command()
def resume(site: SiteOption, note: Note = "resumed by hand") -> None:
    """Go on with the next slot.

    Example: longtail schedule resume hardware-shop
    """

    async def work(application: Application) -> ScheduleState:
        await application.schedules.resume(site, note=note)
        return await application.schedules.get(site)

    _print(with_application(work))


@app.command()
def trigger(
    site: SiteOption,
    limit: Annotated[int | None, Opt(min=1, max=10_000, help="At most so many articles.")] = None,
    overlap: Annotated[str, Opt(help="While another run is under way.")] = Overlap.BUFFER_ALL,
) -> None:
    """Run one batch now, as the schedule would.

    Also while it is paused.

    With --limit it is a batch by hand on the active workers, outside the schedule's own queue.

    Example: longtail schedule trigger hardware-shop --limit 2
    """
    policy = read.overlap(overlap)

    async def work(application: Application) -> None:
        if limit is None:
            await application.schedules.trigger(site, overlap=policy)
            return
        await application.batches.start(site, limit=limit)

    with_application(work)
    out.print(f"triggered; see: longtail batch list {site}")


@app.command()
def remove(site: SiteOption) -> None:
    """Delete a site's schedule.

    Batches under way continue; nothing that was written is touched.

    Example: longtail schedule remove hardware-shop
    """
    with_application(lambda application: application.schedules.remove(site))
    out.print(f"{site} has no schedule any more")


def _print_preview(site: str, preview: SchedulePreview) -> None:
    """Print the next runs.

    Warn of clock changes, and of batches that take longer than the time between runs.
    """
    schedule = preview.write.after
    for run in preview.next_runs:
        out.print(f"next  {in_zone(run, schedule.time_zone)}")
    if not preview.next_runs:
        err.print("it never runs; look at its start, end and skipped dates")
    for change in preview.clock_changes:
        err.print(f"clocks change on {change.day} in {schedule.time_zone}: {change.at:%H:%M} {change.effect}")
    duration, gap = preview.median_duration, preview.shortest_gap
    if duration and gap and duration > gap:
        err.print(
            f"a batch of {site} usually takes {in_words(duration)}, longer than the {in_words(gap)} between runs: "
            f"with overlap {schedule.overlap} runs will pile up or be dropped"
        )


def _print_write(write: ScheduleWrite) -> None:
    if write.before is None:
        out.print("a new schedule")
    for field, (before, after) in write.differences.items():
        out.print(f"{field.replace('_', ' ')}: {before} → {after}", markup=False)
    if write.before is not None and not write.differences:
        out.print("nothing changes")


def _print(state: ScheduleState) -> None:
    schedule, zone = state.schedule, state.schedule.time_zone
    out.print(f"{state.site}: {schedule.when} {schedule.time_zone}, {state.colour} workers", markup=False)
    out.print(f"overlap {schedule.overlap}, caught up when missed by at most {in_words(schedule.catch_up)}")
    if state.pause:
        until = f", until {in_zone(state.pause.until, zone)}" if state.pause.until else ""
        out.print(
            f"[yellow]paused[/yellow] by {escape(state.pause.started_by)}: {escape(state.pause.note)}{until}",
            soft_wrap=True,
        )
    elif not state.differs:
        out.print("active")
    if state.differs:
        out.print(f"[yellow]{escape(state.differs)}[/yellow]; see: longtail schedule sync {state.site}", soft_wrap=True)
    for at in state.next_runs[:5]:
        out.print(f"{'would run' if state.pause else 'next'}  {in_zone(at, zone)}")
    for at in state.recent_runs[-5:]:
        out.print(f"ran   {in_zone(at, zone)}")
