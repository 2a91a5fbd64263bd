"""``longtail worker``: a worker of one colour, and its probes.

A probe runs every few seconds. So what a worker needs is imported where it is used.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from src.domain.colour import BLUE, Colour, parse_colour
from src.infrastructure.workers import sign_of_life
from src.settings import OfflineSettings, Settings

from .terminal import out, print_json, print_table

if TYPE_CHECKING:
    from src.infrastructure.workers.sign_of_life import SignOfLife

app = typer.Typer(invoke_without_command=True, add_completion=False)

# The one of ``options`` comes with use cases, which take a probe a second to import.
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]
ColourOption = Annotated[
    Colour | None, typer.Option(parser=parse_colour, metavar="<blue|green>", help="Only workers of this colour.")
]


@app.callback()
def worker(
    context: typer.Context,
    colour: Annotated[
        Colour, typer.Option(parser=parse_colour, metavar="<blue|green>", help="Whose queue to work on.")
    ] = BLUE,
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many workers, each a process.")] = 1,
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
    if context.invoked_subcommand is not None:
        return
    if processes > 1:
        _run_many(processes, _arguments(colour, fail, offline_latency))
    else:
        _run(colour, fail, offline_latency, while_stdin_open=while_stdin_open)


def _run(colour: Colour, fail: list[str] | None, offline_latency: float | None, *, while_stdin_open: bool) -> None:
    from src.bootstrap import Process, run_worker, worker_identity  # noqa: PLC0415 - see above

    from .connections import start, stay  # noqa: PLC0415 - see above

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


def _run_many(processes: int, arguments: list[str]) -> None:
    """Run workers side by side, and start anew those that die."""
    from src.bootstrap import worker_grace  # noqa: PLC0415 - see above

    from .connections import start  # noqa: PLC0415 - see above
    from .supervised import RESTART_PAUSE, run_all  # noqa: PLC0415 - see above

    settings = start(Settings.load(), log_level="INFO")
    pause = settings.scaled(RESTART_PAUSE)
    run_all("worker", arguments, count=processes, grace=worker_grace(settings), restart_pause=pause)


def _arguments(colour: Colour, fail: list[str] | None, offline_latency: float | None) -> list[str]:
    latency = [] if offline_latency is None else ["--offline-latency", str(offline_latency)]
    return ["--colour", colour, *latency, *(part for keyword in fail or () for part in ("--fail", keyword))]


@app.command()
def alive(colour: ColourOption = None, as_json: JsonOption = False) -> None:
    """Check that the workers of this home live.

    Each has a process, and its event loop moves. For health checks: it asks no server. Exit codes: 0 they live; 1 there
    is none, or one hangs or died.

    Example: longtail worker alive
    """
    _tell(colour, as_json=as_json, is_ready=False)


@app.command()
def ready(colour: ColourOption = None, as_json: JsonOption = False) -> None:
    """Check that the workers of this home take tasks.

    Each polls, and reaches the database. Exit codes: 0 they do; 1 there is none, or one drains, does not poll, has no
    database, hangs or died.

    Example: longtail worker ready --colour green
    """
    _tell(colour, as_json=as_json, is_ready=True)


def _tell(colour: Colour | None, *, as_json: bool, is_ready: bool) -> None:
    signs = [each for each in sign_of_life.read_all(Settings.load().home) if colour in (None, each.colour)]
    if as_json:
        print_json({"workers": [_document(each) for each in signs]})
    else:
        _print(signs)
    if not signs or not all(each.is_ready if is_ready else each.is_alive for each in signs):
        raise typer.Exit(1)


def _document(sign: "SignOfLife") -> dict[str, object]:
    return {
        "instance": sign.instance,
        "colour": sign.colour,
        "pid": sign.pid,
        "state": _state(sign),
        "alive": sign.is_alive,
        "ready": sign.is_ready,
        "age_seconds": round(sign.age, 1),
    }


def _print(signs: list["SignOfLife"]) -> None:
    if not signs:
        out.print("no worker runs in this home")
        return
    print_table(
        ["worker", "colour", "pid", "state", "seen"],
        ([each.instance, each.colour, each.pid, _state(each), f"{each.age:.0f}s ago"] for each in signs),
    )


def _state(sign: "SignOfLife") -> str:
    """Return what the worker does, in a word."""
    if sign.has_ended:
        return "died"
    if not sign.is_alive:
        return "hangs"
    if sign.is_draining:
        return "draining"
    if not sign.database_answers:
        return "no database"
    return "polling" if sign.polls else "starting"
