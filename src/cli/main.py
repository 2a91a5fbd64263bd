"""Assembles the commands, and turns what goes wrong into one line and an exit code: 1 failed, 2 usage."""

import os
import signal
import sys

import typer
from rich.markup import escape

from src.domain.errors import FileInvalid, InputInvalid, LongtailError, SettingsInvalid

from . import article, batch, db, demo, dev, keywords, schedule, site, worker
from .terminal import err

USAGE_ERRORS = (InputInvalid, FileInvalid, SettingsInvalid)

app = typer.Typer(
    name="longtail",
    help="Writes SEO articles in scheduled batches and never loses one. Start with: longtail demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("dev")(dev.dev)
app.add_typer(site.app, name="site")
app.add_typer(keywords.app, name="keywords")
app.add_typer(batch.app, name="batch")
app.add_typer(article.app, name="article")
app.add_typer(schedule.app, name="schedule")
app.command("worker")(worker.worker)
app.add_typer(db.app, name="db")


def run() -> None:
    """Run the command line and leave with its exit code.

    The process ends without the interpreter's teardown: Temporal's library can abort there with the work done
    (temporalio/sdk-python#300), and the exit code has to be ours.
    """
    signal.signal(signal.SIGTERM, _terminated)
    code = _exit_code()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _terminated(*_: object) -> None:
    """Leave like Ctrl-C does: through every ``finally``, so that what was started is stopped."""
    raise SystemExit(128 + signal.SIGTERM)


def _exit_code() -> int:
    try:
        app(standalone_mode=True)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except LongtailError as error:
        err.print(f"[red]error:[/red] {escape(error.message)}", highlight=False, soft_wrap=True)
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    except KeyboardInterrupt:
        err.print("stopped")
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough
        return 0
    return 0
