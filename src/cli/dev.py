"""``longtail dev``: servers, a worker, the API and the desk, until Ctrl-C."""

import threading
from contextlib import ExitStack, suppress
from datetime import timedelta

from src.application.routing import active_colour
from src.bootstrap import Servers, choose_port, open_servers, worker_grace
from src.domain.errors import LongtailError
from src.settings import Settings

from . import sample
from .connections import as_owner, start
from .ports import API_PORT
from .sample_edits import edit_some
from .supervised import RESTART_PAUSE, Supervised
from .terminal import busy, out

API_GRACE = timedelta(seconds=15)  # more than it takes by itself


def dev() -> None:
    """Run PostgreSQL, Temporal, a blue worker, the API and the desk.

    Until Ctrl-C, with Temporal's UI. A home without users gets two, whose passwords are printed this once; one without
    sites a sample site, whose articles the offline writer makes.

    Other commands of the same LONGTAIL_HOME find them by themselves. What was under way when this ends resumes when it
    starts again.

    Example: longtail dev
    """
    settings = start(Settings.load())
    with ExitStack() as stack:
        with busy("starting PostgreSQL and Temporal"):
            servers = stack.enter_context(open_servers(settings))
        server = servers.temporal
        assert server is not None  # noqa: S101 - it was asked for
        furnished = as_owner(sample.furnish, servers, settings) if servers.is_database_local else sample.Furnished()
        pause, port = settings.scaled(RESTART_PAUSE), choose_port(API_PORT)
        colour = as_owner(lambda application: active_colour(application.database), servers, settings)
        arguments = ["--colour", colour]
        worker = stack.enter_context(
            Supervised("worker", arguments, log=None, grace=worker_grace(settings), restart_pause=pause)
        )
        stack.enter_context(Supervised("api", ["--port", str(port)], log=None, grace=API_GRACE, restart_pause=pause))
        out.print(f"home         {settings.home}", soft_wrap=True)
        out.print(f"Temporal     {server.address}")
        out.print(f"Temporal UI  {server.ui_url or 'not ours'}")
        out.print(f"{colour} worker".ljust(13) + f"pid {worker.pid}")
        out.print(f"API          http://127.0.0.1:{port}/docs")
        sample.say_desk(port, furnished.people)
        if furnished.workflow_id is not None:
            threading.Thread(target=_edit, args=(furnished, servers, settings), daemon=True).start()
        out.print("Ctrl-C stops everything; articles under way resume next time.")
        threading.Event().wait()


def _edit(furnished: sample.Furnished, servers: Servers, settings: Settings) -> None:
    """Edit some of the sample's texts as soon as they are written."""
    with suppress(LongtailError):  # a batch that is cancelled leaves nothing to edit
        as_owner(lambda application: edit_some(application, furnished), servers, settings)
