"""Assembles the commands, and prints errors as one line.

Exit code 1: failed; 2: usage.
"""

import importlib
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from src.domain.errors import FileInvalid, InputInvalid, LongtailError, SettingsInvalid

from .errors import worded
from .named import NAMED
from .terminal import err

if TYPE_CHECKING:  # typer carries its own copy of click, and names its types nowhere else
    from typer._click import Command, Context, HelpFormatter

USAGE_ERRORS = (InputInvalid, FileInvalid, SettingsInvalid)

COMMANDS = {
    "demo": "The main job on this machine: a sample site, one batch, HTML pages, a report.",
    "dev": "PostgreSQL, Temporal with its UI, a blue worker and the API, until Ctrl-C.",
    "site": "Add sites, see them, remove them.",
    "keywords": "Import keyword lists and see the state of each keyword.",
    "batch": "Start, watch and stop batches of articles.",
    "article": "See, export and retry articles.",
    "review": "See what waits for a decision, and decide: approve, request changes, reject.",
    "publish": "Publish approved articles, undo that, read pages back, take them off.",
    "hold": "Hold a site or all of them at three depths, and release them.",
    "schedule": "Run a site's batches every day; pause, resume, trigger.",
    "deploy": "See both colours of workers; promote one, drain the other, roll back.",
    "alerts": "List what the watchdog found, and what it repaired.",
    "api": "Serve the JSON API until SIGTERM.",
    "worker": "Work on the articles of one colour until SIGTERM.",
    "user": "Add people, give them roles, make API tokens.",
    "audit": "Hand out the audit trail, or verify it.",
    "db": "Bring the database's schema up to date, or check it.",
}


class OnDemand(TyperGroup):
    """Imports a command's module when it is called; all together take seconds."""

    _helping: "tuple[Context, ...]" = ()  # contexts whose help is being written

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002 - click's signature
        """Return the nouns, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
        """Return the noun's command; while help is written, its name only."""
        if cmd_name not in COMMANDS:
            return None
        if ctx in self._helping:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        return loaded(cmd_name)

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the overview without importing anything."""
        self._helping = (ctx,)
        super().format_help(ctx, formatter)


def loaded(name: str) -> "Command":
    """Return the command in the module of its name."""
    module = importlib.import_module(f".{name}", __package__)
    noun = getattr(module, "app", None)
    if noun is None:
        noun = typer.Typer(add_completion=False)
        noun.command(name)(getattr(module, name))
    noun.rich_markup_mode = "markdown"  # joins the lines of a paragraph; typer's own mode keeps our line breaks
    command = typer.main.get_command(noun)
    command.name = name
    return command


app = typer.Typer(
    name="longtail",
    cls=OnDemand,
    help="Writes SEO articles in scheduled batches and never loses one. Start with: longtail demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _longtail(
    person: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Act as this user; default: who you are to the operating system."),
    ] = None,
) -> None:
    """Run a command of Longtail."""
    if person is not None:
        NAMED.set(person)


def run() -> None:
    """Run the command line and leave with its exit code.

    The process ends without the interpreter's teardown: Temporal's library can abort there with the work done
    (temporalio/sdk-python#300), and the exit code has to be ours.
    """
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # the terminal was closed, and nohup was not used
        signal.signal(signal.SIGHUP, _terminated)
    code = _exit_code()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):  # the reader of a pipe has seen enough
            stream.flush()
    os._exit(code)


def _terminated(number: int, _: object) -> None:
    """Exit through every ``finally``, as on Ctrl-C, to stop what was started."""
    raise SystemExit(128 + number)


def _exit_code() -> int:
    try:
        app()
    except SystemExit as exit_:
        if isinstance(exit_.__context__, BrokenPipeError):  # likewise, and typer would make a failure of it
            return 0
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except LongtailError as error:
        err.print(f"[red]error:[/red] {escape(worded(error))}", soft_wrap=True)
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    except KeyboardInterrupt:
        err.print("stopped")
        return 130
    return 0
