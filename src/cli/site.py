"""``longtail site``: whom a site's articles speak to, from a TOML file."""

from pathlib import Path
from typing import Annotated

import typer

from src.domain.batch import BatchStatus
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.longtail import LongtailStatus
from src.domain.site import Site
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.model_choice import choose
from src.intake import site_file
from src.settings import Settings

from .connections import start, with_database
from .files import contents
from .terminal import out, print_json, print_table

app = typer.Typer(help="Add sites, see them, remove them.", no_args_is_help=True, add_completion=False)

Slug = Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]


@app.command()
def add(file: Annotated[Path, typer.Argument(help="The site's TOML file; see examples/.")]) -> None:
    """Add a site, or bring a known one up to date with its file.

    Example: longtail site add examples/hardware-shop.toml
    """
    site = site_file.read(contents(file), file=str(file))

    async def work(database: Database) -> bool:
        async with database.unit_of_work() as uow:
            return await uow.sites.upsert(site)

    is_new = with_database(work)
    out.print(f"site {site.slug} {'added' if is_new else 'brought up to date'}")
    out.print(f"next: longtail keywords import {site.slug} FILE")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the sites.

    Example: longtail site list
    """

    async def work(database: Database) -> list[tuple[Site, int]]:
        async with database.unit_of_work() as uow:
            sites = await uow.sites.list_all()
            return [(site, (await uow.longtails.count_by_status(site.slug))[LongtailStatus.READY]) for site in sites]

    sites = with_database(work)
    if as_json:
        print_json([site for site, _ in sites])
        return
    print_table(
        ["site", "name", "language", "time zone", "articles a batch", "longtails ready"],
        (
            [site.slug, site.name, site.language, site.time_zone, site.articles_per_batch, ready]
            for site, ready in sites
        ),
        folding=("name",),
        spare=("time zone", "language"),
    )


@app.command()
def show(slug: Slug, as_json: Json = False) -> None:
    """Show a site, its longtails by status, and which model writes each stage here.

    Example: longtail site show hardware-shop
    """

    settings = start(Settings.load())

    async def work(database: Database) -> tuple[Site, dict[LongtailStatus, int], list[str]]:
        async with database.unit_of_work() as uow:
            site = await uow.sites.get(slug)
            counts = await uow.longtails.count_by_status(slug)
        choices = [choose(settings, site, stage) for stage in STAGES]
        return site, counts, [f"{choice.provider}:{choice.model}" for choice in choices]

    site, counts, models = with_database(work, settings)
    if as_json:
        print_json(site)
        return
    out.print(f"[bold]{site.slug}[/bold]  {site.base_url}  {site.language}  {site.time_zone}", soft_wrap=True)
    out.print(site.profile.audience, markup=False)
    out.print(
        f"{len(site.profile.facts)} facts, {len(site.profile.links)} links, about {site.profile.word_target} words"
    )
    out.print("longtails: " + ", ".join(f"{count} {status}" for status, count in counts.items()))
    for stage, model in zip(STAGES, models, strict=True):
        out.print(f"stage {stage} {stage.label}: {model}", markup=False)


@app.command()
def remove(
    slug: Slug, yes: Annotated[bool, typer.Option("--yes", help="Do it: articles go with their site.")] = False
) -> None:
    """Delete a site with its longtails, batches and articles. Says what would go unless --yes.

    Example: longtail site remove hardware-shop --yes
    """

    async def work(database: Database) -> tuple[int, int]:
        async with database.unit_of_work() as uow:
            await uow.sites.get(slug)
            longtails = sum((await uow.longtails.count_by_status(slug)).values())
            articles = await uow.articles.count(slug)
            if yes:
                if await uow.schedules.find(slug):
                    raise Conflict(ConflictReason.SCHEDULE_EXISTS, slug, hint=Hint.REMOVE_SCHEDULE)
                batches = await uow.batches.list_all(site=slug, limit=1000)
                if any(batch.status is BatchStatus.RUNNING for batch in batches):
                    raise Conflict(ConflictReason.BATCH_RUNNING, slug, hint=Hint.CANCEL_BATCH)
                await uow.sites.delete(slug)
            return longtails, articles

    longtails, articles = with_database(work)
    what = f"{slug} with {longtails} longtails and {articles} articles"
    out.print(f"removed {what}" if yes else f"this would remove {what}; do it with --yes")
