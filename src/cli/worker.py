"""``longtail worker``: a worker of one colour, until SIGTERM."""

from typing import Annotated

import typer

from src.bootstrap import Process, run_worker, worker_identity
from src.domain.colour import BLUE, Colour, parse_colour
from src.settings import OfflineSettings, Settings

from .connections import start, stay


def worker(
    colour: Annotated[
        Colour, typer.Option(parser=parse_colour, metavar="<blue|green>", help="Whose queue to work on.")
    ] = BLUE,
    fail: Annotated[
        list[str] | None, typer.Option(help="Simulation: stage C of this keyword fails for ever. May be repeated.")
    ] = None,
    offline_latency: Annotated[
        float | None, typer.Option(min=0, max=600, help="Seconds that the offline writer takes for an answer.")
    ] = None,
    while_stdin_open: Annotated[
        bool, typer.Option("--while-stdin-open", hidden=True, help="Drain when standard input ends, as on SIGTERM.")
    ] = False,
) -> None:
    """Work on the articles of one colour until SIGTERM.

    SIGTERM (or Ctrl-C) takes nothing new and lets the model calls under way finish, so that none is paid for twice; a
    second one leaves at once. Leaves with 1 when it can no longer poll.

    Example: longtail worker --colour blue
    """
    overrides: dict[str, object] = {}
    if fail:
        overrides["fail_keywords"] = tuple(fail)
    if offline_latency is not None:
        overrides["offline"] = OfflineSettings(latency_seconds=offline_latency)
    settings = start(Settings.load(**overrides), log_level="INFO")
    stay(
        lambda application: run_worker(application, colour=colour, lifeline=0 if while_stdin_open else None),
        settings,
        Process(kind="worker", instance=worker_identity(colour), colour=colour),
    )
