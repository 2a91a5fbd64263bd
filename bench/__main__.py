"""``python -m bench``: the floor and Longtail side by side.

Or what ``--kill`` and ``--drain`` cost.
"""

import asyncio
import json
import signal
from typing import Annotated

import typer
from rich.console import Console

from src.domain.stages import STAGES

from . import tables
from .installation import installation
from .interruptions import Interrupted, interrupt
from .measured import WARM_UP, Measured, Scenario, measure, rehearse
from .model_server import ModelServer

SLOTS = 32
DEFAULT = ((96, 1.0), (200, 0.05), (200, 0.0))  # articles, seconds a call
LONG = (64, 5.0)
INTERRUPTED = (64, 1.0)

err = Console(stderr=True)


def main(
    articles: Annotated[
        int | None, typer.Option(min=1, max=2000, help="With --latency: one scenario of yours.")
    ] = None,
    latency: Annotated[float | None, typer.Option(min=0, max=60, help="Seconds a model call takes.")] = None,
    slots: Annotated[int, typer.Option(min=1, max=500, help="Model calls open at once.")] = SLOTS,
    long: Annotated[bool, typer.Option("--long", help="Add the scenario of 5 s a call.")] = False,
    kill: Annotated[int, typer.Option(min=0, help="Instead: so many trials with kill -9 half-way.")] = 0,
    drain: Annotated[int, typer.Option(min=0, help="Instead: so many trials with SIGTERM half-way.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")] = False,
) -> None:
    """Measure Longtail on this machine, against its own model server.

    Ratios compare within one run only. Leaves with 1 when the model server counted other calls than articles x stages
    and corrections.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the servers are taken down, too
    miscounted: list[str] = []
    if kill or drain:
        size, seconds = articles or INTERRUPTED[0], INTERRUPTED[1] if latency is None else latency
        scenario = Scenario(articles=size, latency=seconds, slots=slots)
        trials = asyncio.run(_interrupted(scenario, [True] * kill + [False] * drain))
        show = [trial.model_dump(mode="json") for trial in trials]
        table = tables.interruptions(trials)
    else:
        runs = asyncio.run(_measured(_scenarios(articles, latency, slots, long=long)))
        miscounted = _miscounted(runs)
        show = [run.model_dump(mode="json") for run in runs]
        table = tables.measurements(runs)
    if as_json:
        print(json.dumps(show, indent=2))
    else:
        Console().print(table)
    for line in miscounted:
        err.print(line, style="bold red")
    if miscounted:
        raise typer.Exit(1)


def _miscounted(runs: list[Measured]) -> list[str]:
    """Return a line for each run with calls not due."""
    return [
        f"{run.articles} articles at {run.latency:g} s a call: the model server counted {run.calls} calls, due are "
        f"{run.calls_due} ({run.articles} x {len(STAGES)} stages and {run.corrections} corrections)"
        for run in runs
        if run.calls != run.calls_due
    ]


def _scenarios(articles: int | None, latency: float | None, slots: int, *, long: bool) -> list[Scenario]:
    if articles is not None or latency is not None:
        chosen = [(articles or DEFAULT[0][0], DEFAULT[0][1] if latency is None else latency)]
    else:
        chosen = [*DEFAULT, LONG] if long else [*DEFAULT]
    return [Scenario(articles=size, latency=seconds, slots=slots) for size, seconds in chosen]


async def _measured(scenarios: list[Scenario]) -> list[Measured]:
    runs, first = [], WARM_UP
    with ModelServer() as models:
        async with installation() as installed:
            await rehearse(installed, models, first=0)
            for scenario in scenarios:
                err.print(f"{scenario.articles} articles at {scenario.latency:g} s a call", style="dim")
                runs.append(await measure(scenario, installed, models, first=first))
                first += scenario.articles + WARM_UP
    return runs


async def _interrupted(scenario: Scenario, kills: list[bool]) -> list[Interrupted]:
    trials = []
    with ModelServer() as models:
        async with installation() as installed:
            await rehearse(installed, models, first=0)
            for number, kill in enumerate(kills):
                err.print(f"{'kill -9' if kill else 'SIGTERM'}, {number + 1} of {len(kills)}", style="dim")
                first = WARM_UP + number * scenario.articles
                trials.append(await interrupt(scenario, installed, models, first=first, kill=kill))
    return trials


if __name__ == "__main__":
    typer.run(main)
