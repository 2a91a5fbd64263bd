"""``longtail demo``: the main job end to end on this machine, on a sample site, ending by itself."""

import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.markup import escape

from src import examples as example_files
from src.bootstrap import Application
from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import BLUE
from src.domain.errors import InputInvalid
from src.domain.longtail import Longtail, phrase_key
from src.domain.site import Site
from src.domain.stages import STAGES
from src.infrastructure.llm.model_choice import OFFLINE, choose
from src.infrastructure.temporal.messages import SiteBatchInput
from src.intake import keyword_list, site_file
from src.settings import Settings

from . import batch, runs
from .connections import start, with_application
from .supervised import SupervisedWorker
from .terminal import err, out

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
    """Write the sample site's articles: real PostgreSQL, real Temporal, a blue worker, one batch, HTML pages.

    Without a key the offline writer stands in, which is not AI and says so. With ANTHROPIC_API_KEY or OPENAI_API_KEY
    (or the base URL of a compatible server) the same batch is written by a model. Kill the worker half-way: nothing
    is lost. Leaves with 0 only if every article is there.

    Example: longtail demo --articles 3 --fail "how to bleed a radiator without a key"
    """
    settings = start(Settings.load())
    site = site_file.read(example_files.content(SITE_FILE), file=SITE_FILE)
    keywords = keyword_list.read(example_files.content(KEYWORDS_FILE), file=KEYWORDS_FILE)
    longtails = keywords.longtails[:articles]
    if fail is not None and phrase_key(fail) not in {longtail.key for longtail in longtails}:
        phrases = "; ".join(longtail.phrase for longtail in longtails)
        raise InputInvalid("--fail", fail, f"it is none of the keywords of this run: {phrases}")
    folder = _writable(to or settings.home / "demo")

    async def work(application: Application) -> bool:
        _say_who_writes(settings, site)
        handle_id = await _unfinished(application, site)
        if handle_id is None:
            await _import(application, site, longtails)
            request = SiteBatchInput(site=site.slug, slot=batch.now(), trigger=Trigger.MANUAL, limit=articles)
            handle_id = (await runs.launch(application, request, colour=BLUE)).id
        else:
            err.print("the last run was cut off; its batch goes on where it was")
        with SupervisedWorker(
            _worker_arguments(settings, fail), log=settings.home / "worker.log", grace=GRACE
        ) as worker:
            _say_where(application, handle_id, worker.pid)
            ended = await runs.finish(application, runs.handle_of(application, handle_id), site.slug)
            made = await _report(application, ended, folder if to else _writable(folder / str(ended.id)[:8]))
            if keep:
                out.print("Everything is still running; Ctrl-C stops it.")
                threading.Event().wait()
        return len(made) == ended.total > 0

    if not with_application(work, settings):
        raise typer.Exit(1)


def _worker_arguments(settings: Settings, fail: str | None) -> list[str]:
    arguments = ["--colour", BLUE]
    if settings.offline.latency_seconds == 0:
        arguments += ["--offline-latency", str(OFFLINE_LATENCY_SECONDS)]
    return [*arguments, "--fail", fail] if fail else arguments


async def _import(application: Application, site: Site, longtails: Sequence[Longtail]) -> None:
    """Add the sample and make its longtails ready, also over the demo's last run."""
    async with application.database.unit_of_work() as uow:
        await uow.sites.upsert(site)
        await uow.longtails.add(site.slug, longtails, source=KEYWORDS_FILE)
        await uow.longtails.make_ready(site.slug, [longtail.key for longtail in longtails])


async def _unfinished(application: Application, site: Site) -> str | None:
    """The workflow of a demo that was cut off, if Temporal still has it running."""
    async with application.database.unit_of_work() as uow:
        batches = await uow.batches.list_all(site=site.slug, limit=1)
    if not batches or batches[0].status is not BatchStatus.RUNNING:
        return None
    if await runs.is_running(application, batches[0].workflow_id):
        return batches[0].workflow_id
    async with application.database.unit_of_work() as uow:
        await uow.batches.close(
            batches[0].id, cancelled=True, error=("WorkflowGone", "Temporal does not know it any more")
        )
    return None


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


async def _report(application: Application, ended: Batch, folder: Path) -> list[Article]:
    """Print the table, write the pages, and return the articles that have one."""
    async with application.database.unit_of_work() as uow:
        articles = await uow.articles.list_all(batch_id=ended.id, limit=ended.total)
        made = [article for article in articles if article.status is ArticleStatus.NEEDS_REVIEW]
        pages = {article.id: await uow.articles.find_html(article.id) for article in made}
        slugs = {article.id: await uow.stage_outputs.find_slug(article.id, article.revision) for article in made}
    for article in made:
        slug = slugs[article.id] or str(article.id)
        is_taken = list(slugs.values()).count(slug) > 1  # two articles that a model gave one slug
        name = f"{slug}-{str(article.id)[:8]}" if is_taken else slug
        (folder / f"{name}.html").write_text(pages[article.id] or "", encoding="utf-8")
    batch.print_articles(articles)
    batch.print_outcome(ended)
    out.print(f"{len(made)} HTML pages in {escape(str(folder))}", soft_wrap=True)
    return made


def _writable(folder: Path) -> Path:
    """Make the folder now, so that a run does not end without a place for its pages."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".longtail"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputInvalid("--out", str(folder), f"{error.strerror}; choose a folder that can be written") from error
    return folder
