"""``longtail demo``: one batch of a sample site on this machine."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from src import examples as example_files
from src.application.articles import get_page
from src.application.batches import get_batch_details
from src.application.keywords import list_unwritten, renew_keywords
from src.application.sites import add_site
from src.bootstrap import Application, choose_port
from src.domain.batch import Batch
from src.domain.colour import BLUE
from src.domain.errors import InputInvalid
from src.domain.longtail import Longtail, phrase_key
from src.domain.site import Site
from src.domain.stages import STAGES
from src.infrastructure.llm.model_choice import OFFLINE, choose
from src.intake import keyword_list, site_file
from src.settings import Settings

from . import progress
from .connections import start, with_application
from .options import API_PORT
from .supervised import Supervised
from .terminal import err, out
from .views import print_articles, print_outcome, short

SITE_FILE = "hardware-shop.toml"
KEYWORDS_FILE = "hardware-shop-keywords.csv"
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
    site = site_file.read(example_files.content(SITE_FILE), file=SITE_FILE)
    keywords = keyword_list.read(example_files.content(KEYWORDS_FILE), file=KEYWORDS_FILE)
    first = keywords.longtails[:articles]
    if fail is not None and phrase_key(fail) not in {longtail.key for longtail in first}:
        phrases = "; ".join(longtail.phrase for longtail in first)
        raise InputInvalid("--fail", fail, f"it is none of the keywords of this run: {phrases}")
    folder = _writable(to or settings.home / "demo")

    async def work(application: Application) -> bool:
        _say_who_writes(settings, site)
        workflow_id = await _start(application, site, keywords.longtails, articles, from_first=fail is not None)
        with Supervised(
            "worker", _worker_arguments(settings, fail), log=settings.home / "worker.log", grace=GRACE
        ) as worker:
            _say_where(application, workflow_id, worker.pid)
            ended = await progress.wait_for_batch(application, site.slug, workflow_id)
            made = await _report(application, ended, folder if to else _writable(folder / short(ended.id)))
            if keep:
                _keep(settings)
        return made == ended.total > 0

    if not with_application(work, settings):
        raise typer.Exit(1)


def _keep(settings: Settings) -> None:
    """Serve the API too, until Ctrl-C."""
    port = choose_port(API_PORT)
    with Supervised("api", ["--port", str(port)], log=settings.home / "api.log", grace=GRACE):
        out.print(f"the API is at http://127.0.0.1:{port}/docs")
        out.print("Everything is still running; Ctrl-C stops it.")
        threading.Event().wait()


def _worker_arguments(settings: Settings, fail: str | None) -> list[str]:
    arguments = ["--colour", BLUE]
    if settings.offline.latency_seconds == 0:
        arguments += ["--offline-latency", str(OFFLINE_LATENCY_SECONDS)]
    return [*arguments, "--fail", fail] if fail else arguments


async def _start(
    application: Application, site: Site, known: Sequence[Longtail], count: int, *, from_first: bool
) -> str:
    """Return the workflow id of a new or an interrupted batch.

    A new one writes about the next keywords without an article, unless ``from_first``; once all have one, again about
    the first.
    """
    database, by = application.database, application.principal
    await add_site(database, site, by=by)
    if running := await application.batches.find_running(site.slug):
        err.print("the last run was interrupted; its batch resumes where it stopped")
        return running.workflow_id
    left = known if from_first else await list_unwritten(database, site.slug, known, by=by)
    longtails = (left or known)[:count]
    await renew_keywords(database, site.slug, longtails, by=by, source=KEYWORDS_FILE)
    started = await application.batches.start(site.slug, limit=len(longtails), colour=BLUE)
    if not left:
        out.print("every keyword of the sample has its article; they are kept, and others written beside them")
    elif len(left) < len(known):
        out.print(f"{len(known) - len(left)} keywords of the sample have their article; this run writes about the next")
    return started.workflow_id


def _say_who_writes(settings: Settings, site: Site) -> None:
    choices = {stage: choose(settings, site, stage) for stage in STAGES}
    if all(choice.provider == OFFLINE for choice in choices.values()):
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
