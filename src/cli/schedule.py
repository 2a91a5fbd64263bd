"""``longtail schedule``: when each site's batches run, on real Temporal Schedules."""

from typing import Annotated

import typer

from src.domain.schedule import (
    Overlap,
    Schedule,
    ScheduleState,
    parse_catch_up,
    parse_overlap,
    parse_time_zone,
    parse_times,
)
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.schedules import Schedules

from .connections import TemporalConnections, with_temporal
from .terminal import local, out, print_json, print_table

app = typer.Typer(
    help="Run a site's batches every day; pause, resume, trigger.", no_args_is_help=True, add_completion=False
)

Site = Annotated[str, typer.Argument(help="The site's slug.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
Note = Annotated[str, typer.Option(help="Why, for whoever looks next.")]


@app.command("set")
def set_(
    site: Site,
    daily: Annotated[str, typer.Option(help="When, each day: 06:00, or several as 06:00,18:00.")],
    time_zone: Annotated[str | None, typer.Option(help="IANA name; default: the site's.")] = None,
    overlap: Annotated[
        str, typer.Option(help=f"If the last run is still under way: {', '.join(Overlap)}.")
    ] = Overlap.BUFFER_ALL,
    catch_up: Annotated[
        str, typer.Option(help="Make up slots missed by no more than this: 90s, 10m, 72h, 3d.")
    ] = "72h",
    articles: Annotated[int | None, typer.Option(min=1, max=10_000, help="Per run; default: the site's own.")] = None,
    colour: Annotated[ids.Colour, typer.Option(help="Whose workers make them.")] = ids.Colour.BLUE,
) -> None:
    """Set when a site's batches run. Setting it again changes it in place; a pause and its note stay.

    Example: longtail schedule set hardware-shop --daily 06:00 --time-zone Europe/London
    """
    times, window, policy = parse_times(daily), parse_catch_up(catch_up), parse_overlap(overlap)
    zone = parse_time_zone(time_zone) if time_zone else None

    async def work(connections: TemporalConnections) -> tuple[bool, ScheduleState]:
        async with connections.database.unit_of_work() as uow:
            known = await uow.sites.get(site)
        wanted = Schedule(
            times=times, time_zone=zone or known.time_zone, overlap=policy, catch_up=window, articles=articles
        )
        schedules = Schedules(connections.client)
        is_new = await schedules.set(site, wanted, colour=colour)
        return is_new, await schedules.get(site)

    is_new, state = with_temporal(work)
    out.print("schedule set" if is_new else "schedule changed")
    _print(state)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List every site's schedule.

    Example: longtail schedule list
    """
    states = with_temporal(lambda connections: Schedules(connections.client).all())
    if as_json:
        print_json(states)
        return
    print_table(
        ["site", "daily at", "time zone", "overlap", "next run", "state"],
        (
            [
                state.site,
                _times(state),
                state.schedule.time_zone,
                state.schedule.overlap,
                local(state.next_runs[0]) if state.next_runs else "–",
                f"paused: {state.note}" if state.paused else "active",
            ]
            for state in states
        ),
    )


@app.command()
def show(site: Site, as_json: Json = False) -> None:
    """Show a site's schedule with its next and last runs.

    Example: longtail schedule show hardware-shop
    """
    state = with_temporal(lambda connections: Schedules(connections.client).get(site))
    if as_json:
        print_json(state)
    else:
        _print(state)


@app.command()
def pause(site: Site, note: Note = "paused by hand") -> None:
    """Start nothing more until resumed. Slots that pass meanwhile do not run.

    Example: longtail schedule pause hardware-shop --note "relaunch"
    """
    with_temporal(lambda connections: Schedules(connections.client).pause(site, note=note))
    out.print(f"{site} is paused; go on with: longtail schedule resume {site}")


@app.command()
def resume(site: Site, note: Note = "resumed by hand") -> None:
    """Go on with the next slot.

    Example: longtail schedule resume hardware-shop
    """

    async def work(connections: TemporalConnections) -> ScheduleState:
        schedules = Schedules(connections.client)
        await schedules.resume(site, note=note)
        return await schedules.get(site)

    _print(with_temporal(work))


@app.command()
def trigger(site: Site) -> None:
    """Run one batch now, as the schedule would; also while it is paused.

    Example: longtail schedule trigger hardware-shop
    """
    with_temporal(lambda connections: Schedules(connections.client).trigger(site))
    out.print(f"triggered; see: longtail batch list {site}")


@app.command()
def remove(site: Site) -> None:
    """Delete a site's schedule. Batches under way go on; nothing that was written is touched.

    Example: longtail schedule remove hardware-shop
    """
    with_temporal(lambda connections: Schedules(connections.client).remove(site))
    out.print(f"{site} has no schedule any more")


def _print(state: ScheduleState) -> None:
    schedule = state.schedule
    out.print(f"{state.site}: daily at {_times(state)} {schedule.time_zone}, {state.colour} workers")
    out.print(f"overlap {schedule.overlap}, made up when missed by at most {schedule.catch_up}")
    out.print(f"[yellow]paused[/yellow]: {state.note}" if state.paused else "active")
    for at in state.next_runs[:5]:
        out.print(f"next  {local(at)}")
    for at in state.recent_runs[-5:]:
        out.print(f"ran   {local(at)}")


def _times(state: ScheduleState) -> str:
    return ", ".join(f"{at:%H:%M}" for at in state.schedule.times)
