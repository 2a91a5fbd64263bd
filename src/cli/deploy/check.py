"""``longtail deploy check``: what this code would break."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from src.application.deploy_check import DeployCheckReport, Tell
from src.bootstrap import Application
from src.domain.colour import Colour, parse_colour
from src.domain.replay import ReplayFailure

from ..connections import with_application
from ..options import JsonOption
from ..terminal import err, out, print_json, print_table

_SHOWN = 20  # failures; more of them say the same


def check(
    colour: Annotated[
        Colour | None,
        typer.Argument(
            parser=parse_colour, metavar="[<blue|green>]", help="Where this code is to run; default: the idle colour."
        ),
    ] = None,
    closed: Annotated[int, typer.Option(min=0, max=10_000, help="Histories of ended workflows to replay.")] = 500,
    as_json: JsonOption = False,
) -> None:
    """Replay the histories of open and of ended workflows with this code.

    Run it with the code that is to be promoted. It fails on workflows that this code cannot go on with, naming the
    event and the line, and on a migration that takes away what workers of older code still use. Prompts, models and
    settings that differ from the other colour's are shown.

    Exit codes: 0 this code may be deployed; 1 it would break something.

    Example: longtail deploy check green
    """

    async def work(application: Application) -> DeployCheckReport:
        with _progress() as tell:
            return await application.deploy_check.run(colour, closed=closed, tell=tell)

    report = with_application(work)
    print_json(report) if as_json else _print(report)
    if not report.passed:
        raise typer.Exit(1)


@contextmanager
def _progress() -> Iterator[Tell]:
    """Show how many histories are replayed, if a person watches."""
    columns = (TextColumn("replaying histories"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(report: DeployCheckReport) -> None:
    print_table(
        ["workflow", "open", "closed"],
        ([each.workflow_type, each.open, each.closed] for each in report.replayed),
        title="histories replayed",
    )
    if report.gone:
        out.print(f"{report.gone} more were deleted meanwhile")
    for failure in report.failures[:_SHOWN]:
        _print_failure(failure)
    if len(report.failures) > _SHOWN:
        out.print(f"… and {len(report.failures) - _SHOWN} more: longtail deploy check --json")
    if report.contract is not None:
        workers = ", ".join(report.contract.workers)
        out.print(
            f"\n[red]migration {report.contract.migration}[/red] takes away what these workers use: {escape(workers)}"
        )
    _print_differences(report)
    verdict = f"this code may run on {report.colour}" if report.passed else f"this code may not run on {report.colour}"
    out.print(f"\n[{'green' if report.passed else 'red'}]{verdict}[/]")


def _print_failure(failure: ReplayFailure) -> None:
    state = "open" if failure.is_open else "ended"
    event = "" if failure.event is None else f", event {failure.event}"
    out.print(f"\n[red]{escape(failure.workflow_type)}[/red] {escape(failure.workflow_id)} ({state}){event}")
    if failure.place:
        out.print(f"  at {failure.place}", markup=False)
    out.print(f"  {failure.problem}", markup=False)


def _print_differences(report: DeployCheckReport) -> None:
    if report.compared_with is None:
        out.print("\nno worker of the other colour lives: nothing to compare prompts, models and settings with")
        return
    out.print()
    print_table(
        ["what", "name", "this code", "now"],
        ([each.kind, each.name, each.here or "–", each.there or "–"] for each in report.differences),
        title=f"differences to {report.compared_with}",
        folding=("this code", "now"),
    )
