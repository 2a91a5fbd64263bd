"""``longtail deploy``: status, promote, drain, rollback.

Exit codes: 0 done; 1 it will not get better: refused, or somebody else has it; 3 it waits, for a person or for work.
"""

import re
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import typer

from src.application.deployments.status import DeployStatus
from src.bootstrap import Application
from src.domain.colour import COLOURS, Colour, parse_colour
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import Deployment, DeploymentOptions, Step
from src.domain.errors import InputInvalid

from ..connections import with_application
from ..options import JsonOption
from ..terminal import err, out, print_json
from . import views, words
from .check import check

app = typer.Typer(
    help="See both colours; give one the new work, empty the other, go back.",
    no_args_is_help=True,
    add_completion=False,
)

app.command()(check)

WAITS = 3  # the exit code for: not yet
_WATCH_SECONDS = 3.0
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_CODES = {
    DeploymentStatus.DONE: 0,
    DeploymentStatus.REFUSED: 1,
    DeploymentStatus.SUPERSEDED: 1,
    DeploymentStatus.HOLDING: WAITS,
    DeploymentStatus.RUNNING: WAITS,
}

ColourArgument = Annotated[
    Colour, typer.Argument(parser=parse_colour, metavar="<blue|green>", help="Which set of workers.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
Fast = Annotated[bool, typer.Option("--fast", help="Articles go on at the other colour with their next stage.")]
WaitFor = Annotated[
    str | None, typer.Option(metavar="TIME", help="Leave with 3 if it takes longer: 90s, 10m, 2h; default: wait.")
]


@app.command()
def status(
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print it again every few seconds, until Ctrl-C.")] = False,
) -> None:
    """Show both colours, and what is under way between them.

    Versions, workers, pollers, open workflows, backlog, what keeps a colour from being stopped.

    Example: longtail deploy status --watch
    """

    async def read(application: Application) -> DeployStatus:
        return await application.deployments.status()

    while True:
        found = with_application(read)
        if watch and out.is_terminal:
            out.clear()
        print_json(found) if as_json else views.print_status(found)
        if not watch:
            return
        time.sleep(_WATCH_SECONDS)


@app.command()
def promote(
    colour: ColourArgument,
    canary: Annotated[str | None, typer.Option(metavar="SHARE", help="First only so many articles: 10%.")] = None,
    longest: Annotated[str, typer.Option("--for", metavar="TIME", help="How long the canary may take.")] = "30m",
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Give a colour all new work.

    First its workers are checked, and one probe article passes, which nobody sees. Then, with --canary, a share of the
    articles goes there and is judged. Repeated after it was cut off, it goes on where it was; after it asked, it takes
    that for a yes.

    Exit codes: 0 done, 1 refused, 3 it asks: promote again goes on, rollback gives up.

    Example: longtail deploy promote green --canary 10% --for 30m
    """
    share = None if canary is None else _share(canary)
    options = DeploymentOptions(share=share, longest=_time(longest, "--for"))
    plan = [Step.CHECKS, Step.GATE, *([Step.CANARY] if share else []), Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS]
    _confirm(f"promote {colour}", plan, target=colour, yes=yes, dry_run=dry_run)

    async def begin(application: Application) -> Deployment:
        return await application.deployments.promote(colour, options=options)

    _carry_out(begin, as_json=as_json)


@app.command()
def drain(
    colour: ColourArgument,
    fast: Fast = False,
    wait_for: WaitFor = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Empty a colour that takes no new work.

    Reviews and publications go on at the other colour at once, batches with what they have not started; articles end
    where they are, or with --fast go on after their stage. What no worker has any more is started anew there.

    Exit codes: 0 empty, its workers may stop; 1 not possible; 3 the time of --wait-for is over.

    Example: longtail deploy drain blue --wait-for 30m
    """
    longest = _time(wait_for, "--wait-for") if wait_for else None
    _confirm(f"drain {colour}", [Step.HAND_OVER, Step.EMPTY], target=_other(colour), yes=yes, dry_run=dry_run)

    async def begin(application: Application) -> Deployment:
        return await application.deployments.drain(colour, fast=fast)

    _carry_out(begin, wait_for=longest, as_json=as_json)


@app.command()
def rollback(
    fast: Fast = False, wait_for: WaitFor = None, yes: Yes = False, dry_run: DryRun = False, as_json: JsonOption = False
) -> None:
    """Go back to the other colour at once, whatever is under way.

    It ends a promotion, a canary or a drain, and gives the colour before all new work: without a gate, all at once.
    Then it empties the other one.

    Exit codes: 0 done; 1 not possible; 3 the time of --wait-for is over.

    Example: longtail deploy rollback --fast --yes
    """
    longest = _time(wait_for, "--wait-for") if wait_for else None
    plan = [Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS, Step.HAND_OVER, Step.EMPTY]
    target = with_application(lambda application: application.deployments.find_rollback())
    _confirm(f"roll back to {target}", plan, target=target, yes=yes, dry_run=dry_run)

    async def begin(application: Application) -> Deployment:
        return await application.deployments.roll_back(fast=fast)

    _carry_out(begin, wait_for=longest, as_json=as_json)


def _carry_out(
    begin: Callable[[Application], Awaitable[Deployment]], *, wait_for: timedelta | None = None, as_json: bool
) -> None:
    """Carry out what was begun, and leave with its code."""

    async def work(application: Application) -> tuple[Deployment, bool]:
        begun = await begin(application)
        told = None if as_json else views.Told()
        ended = await application.deployments.carry_out(begun, tell=told, wait_for=wait_for)
        return ended, (await application.deployments.status()).of(ended.target).is_alive

    ended, is_alive = with_application(work)
    if as_json:
        print_json(ended)
    else:
        _say_end(ended, is_alive=is_alive)
    if code := _CODES[ended.status]:
        raise typer.Exit(code)


def _say_end(ended: Deployment, *, is_alive: bool) -> None:
    start = f"longtail worker --colour {ended.target}, or its container"
    views.print_end(ended, started=None if is_alive else start)
    again = f"longtail deploy {ended.kind}" + ("" if ended.kind is DeploymentKind.ROLLBACK else f" {ended.colour}")
    if ended.status is DeploymentStatus.HOLDING:
        out.print(words.facts(ended, Step.CANARY), markup=False)
        out.print(f"go on: {again}; give up: longtail deploy rollback", markup=False)
    elif ended.status is DeploymentStatus.RUNNING:
        out.print(words.facts(ended, Step.EMPTY), markup=False)
        out.print(f"go on: {again}", markup=False)
    elif ended.is_done(Step.EMPTY):
        views.print_next(ended.emptied)
    elif ended.status is DeploymentStatus.DONE:
        out.print(f"next: longtail deploy drain {ended.emptied}", markup=False)


def _confirm(what: str, plan: list[Step], *, target: Colour, yes: bool, dry_run: bool) -> None:
    """Print what will be done, and ask a person at a terminal."""
    if yes and not dry_run:
        return
    other = _other(target)
    lines = [words.STEPS[step].format(target=target, emptied=other) for step in plan]
    err.print(f"{what}: {'; '.join(lines)}", markup=False, soft_wrap=True)
    if dry_run:
        raise typer.Exit
    if err.is_terminal:
        typer.confirm("go on?", abort=True, err=True)


def _other(colour: Colour) -> Colour:
    return next(each for each in COLOURS if each != colour)


def _share(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2})\s*%?", text.strip())
    if match is None or not int(match[1]):
        raise InputInvalid("--canary", text, "write a share from 1% to 99%")
    return int(match[1])


def _time(text: str, option: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,5})\s*([smh])", text.strip())
    if match is None or not int(match[1]):
        raise InputInvalid(option, text, "write a number with its unit, such as 90s, 30m or 2h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
