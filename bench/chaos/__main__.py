"""``python -m bench.chaos``: runs trials of bad days.

Fails if the books of one are wrong.
"""

import asyncio
import shutil
import signal
from pathlib import Path
from typing import Annotated

import typer

from . import trial
from .tables import table
from .testbed import open_testbed
from .trial import Outcome


def main(
    seed: Annotated[int | None, typer.Option(min=0, help="Only this one.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="So many, in one installation.")] = 5,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 1,
    colours: Annotated[bool, typer.Option("--colours", help="Workers of two colours, and deployments.")] = False,
    logs: Annotated[Path | None, typer.Option(help="Keep the workers' log in this file.")] = None,
) -> None:
    """Run seeded trials of bad days, and print their books.

    Leaves with 1 when something does not hold, after the plan of each such seed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the servers are taken down, too
    wanted = [seed] if seed is not None else list(range(first, first + seeds))
    outcomes = asyncio.run(run(wanted, colours=colours, logs=logs))
    print(table(outcomes))
    if any(outcome.wrong for outcome in outcomes):
        raise typer.Exit(1)


async def run(seeds: list[int], *, colours: bool = False, logs: Path | None = None) -> list[Outcome]:
    """Run the trials one after the other, with a line for each."""
    outcomes = []
    async with open_testbed(colours=colours) as here:
        try:
            for number in seeds:
                outcome = await trial.run(number, here, colours=colours)
                outcomes.append(outcome)
                verdict = outcome.explain() if outcome.wrong else f"seed {number}: all is well"
                counts = ", ".join(f"{count} {name}" for name, count in outcome.counts._asdict().items() if count)
                print(f"{verdict} ({outcome.seconds:.0f} s, recovery {outcome.recovery:.1f} s; {counts})", flush=True)
        finally:
            if logs is not None:
                shutil.copyfile(here.installed.folder / "worker.log", logs)
    return outcomes


if __name__ == "__main__":
    typer.run(main)
