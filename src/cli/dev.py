"""``longtail dev``: servers and a worker on this machine until Ctrl-C."""

import threading
from contextlib import ExitStack

from src.bootstrap import open_servers, worker_grace
from src.domain.colour import BLUE
from src.settings import Settings

from .connections import start
from .supervised import RESTART_PAUSE, SupervisedWorker
from .terminal import busy, out


def dev() -> None:
    """Run PostgreSQL, Temporal, its UI and a blue worker until Ctrl-C.

    Other commands of the same LONGTAIL_HOME find them by themselves. What was under way when this ends resumes when it
    starts again.

    Example: longtail dev
    """
    settings = start(Settings.load())
    with ExitStack() as stack:
        with busy("starting PostgreSQL and Temporal"):
            server = stack.enter_context(open_servers(settings)).temporal
        assert server is not None  # noqa: S101 - it was asked for
        arguments = ["--colour", BLUE]
        worker = stack.enter_context(
            SupervisedWorker(
                arguments,
                log=None,
                grace=worker_grace(settings),
                restart_pause=settings.scaled(RESTART_PAUSE),
            )
        )
        out.print(f"home         {settings.home}", soft_wrap=True)
        out.print(f"Temporal     {server.address}")
        out.print(f"Temporal UI  {server.ui_url or 'not ours'}")
        out.print(f"blue worker  pid {worker.pid}")
        out.print("Ctrl-C stops everything; articles under way resume next time.")
        threading.Event().wait()
