"""``longtail demo``: one batch of a sample site on this machine."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from src.application.articles import get_page
from src.application.batches import get_batch_details
from src.application.routing import active_colour
from src.application.sample_people import SamplePerson
from src.bootstrap import Application, choose_port
from src.domain.batch import Batch
from src.domain.colour import Colour
from src.domain.errors import InputInvalid
from src.domain.longtail import phrase_key
from src.domain.site import Site
from src.settings import Settings

from . import progress, sample
from .connections import start, with_application
from .ports import API_PORT
from .sample_edits import edit_some
from .supervised import Supervised
from .terminal import out
from .views import print_articles, print_outcome, short

OFFLINE_LATENCY_SECONDS = 1.5  # long enough to be watched, and to kill the worker half-way
GRACE = timedelta(seconds=10)  # of the worker: its batch has ended by then


def demo(
    articles: Annotated[int, typer.Option(min=1, max=8, help="How many of the sample's keywords to write about.")] = 8,
    to: Annotated[
        Path | None, typer.Option("--out", help="Folder for the HTML pages; default: in LONGTAIL_HOME.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    fail: Annotated[
        str | None, typer.Option(help="Simulation: stage C of this keyword fails for ever; the others stand.")
    ] = None,
) -> None:
    """Write the sample site's articles.

    Real PostgreSQL, real Temporal, a blue worker, one batch, HTML pages.

    Without a key the offline writer stands in, which is not AI and says so. With ANTHROPIC_API_KEY or OPENAI_API_KEY
    (or the base URL of a compatible server) the same batch is written by a model. Kill the worker half-way: nothing
    is lost. Leaves with 0 only if every article is there.

    Repeated, it writes about the next of its eight keywords; once all have an article, it writes another of each.

    Example: longtail demo --articles 3 --fail "how to bleed a radiator without a key"
    """
    settings = start(Settings.load())
    site, longtails = sample.read()
    first = longtails[:articles]
    if fail is not None and phrase_key(fail) not in {longtail.key for longtail in first}:
        phrases = "; ".join(longtail.phrase for longtail in first)
        raise InputInvalid("--fail", fail, f"it is none of the keywords of this run: {phrases}")
    folder = _writable(to or settings.home / "demo")

    async def work(application: Application) -> bool:
        _say_who_writes(settings, site)
        workflow_id = await sample.start_batch(application, articles, from_first=fail is not None)
        colour = await active_colour(application.database)
        with Supervised(
            "worker", _worker_arguments(settings, fail, colour), log=settings.home / "worker.log", grace=GRACE
        ) as worker:
            _say_where(application, workflow_id, worker.pid)
            ended = await progress.wait_for_batch(application, site.slug, workflow_id)
            made = await _report(application, ended, folder if to else _writable(folder / short(ended.id)))
            if keep:
                furnished = sample.Furnished(await sample.add_people(application), workflow_id)
                if furnished.people and made:
                    await edit_some(application, furnished)
                _keep(settings, furnished.people)
        return made == ended.total > 0

    if not with_application(work, settings):
        raise typer.Exit(1)


def _keep(settings: Settings, people: Sequence[SamplePerson]) -> None:
    """Serve the API and the desk too, until Ctrl-C."""
    port = choose_port(API_PORT)
    with Supervised("api", ["--port", str(port)], log=settings.home / "api.log", grace=GRACE):
        out.print(f"the API is at http://127.0.0.1:{port}/docs")
        sample.say_desk(port, people)
        out.print("Everything is still running; Ctrl-C stops it.")
        threading.Event().wait()


def _worker_arguments(settings: Settings, fail: str | None, colour: Colour) -> list[str]:
    arguments = ["--colour", colour]
    if settings.offline.latency_seconds == 0:
        arguments += ["--offline-latency", str(OFFLINE_LATENCY_SECONDS)]
    return [*arguments, "--fail", fail] if fail else arguments


def _say_who_writes(settings: Settings, site: Site) -> None:
    choices = sample.choices(settings, site)
    if sample.is_offline(settings, site):
        out.print("[yellow]no key is set: the offline writer stands in. It is not AI; its text is a template.[/yellow]")
        return
    for stage, choice in choices.items():
        out.print(f"stage {stage} {stage.label}: {choice.provider}:{choice.model}")


def _say_where(application: Application, workflow_id: str, worker_pid: int) -> None:
    if ui_url := application.temporal_ui_url:
        path = f"namespaces/{application.namespace}/workflows/{quote(workflow_id, safe='')}"
        out.print(f"watch every step in Temporal's UI:  {ui_url}/{path}", soft_wrap=True)
    out.print(f"the worker is process {worker_pid}; kill -9 it and see that nothing is lost")


async def _report(application: Application, ended: Batch, folder: Path) -> int:
    """Print the table, write the pages, and return how many there are."""
    database, by = application.database, application.principal
    details = await get_batch_details(database, ended.id, by=by)
    made = [article for article in details.articles if article.status.is_complete]
    pages = [await get_page(database, article.id, by=by) for article in made]
    for page in pages:
        (folder / f"{page.slug or page.article.id}.html").write_text(page.html, encoding="utf-8")
    print_articles(details.articles)
    print_outcome(ended, is_new=True)
    out.print(f"{len(made)} HTML pages in {escape(str(folder))}", soft_wrap=True)
    return len(made)


def _writable(folder: Path) -> Path:
    """Make the folder before the run, and return it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".longtail"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputInvalid("--out", str(folder), f"{error.strerror}; choose a folder that can be written") from error
    return folder
