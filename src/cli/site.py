"""``longtail site``: sites, each described by a TOML file."""

from pathlib import Path
from typing import Annotated

import typer

from src.application.sites import add_site, get_site_details, list_sites, remove_site
from src.domain.stages import STAGES
from src.infrastructure.llm.model_choice import choose
from src.intake import site_file
from src.settings import Settings

from .connections import start, with_person
from .options import JsonOption, SiteOption, read_file
from .terminal import out, print_json, print_table

app = typer.Typer(help="Add sites, see them, remove them.", no_args_is_help=True, add_completion=False)


@app.command()
def add(file: Annotated[Path, typer.Argument(help="The site's TOML file; see examples/.")]) -> None:
    """Add a site, or update it from its file.

    Example: longtail site add examples/hardware-shop.toml
    """
    site = site_file.read(read_file(file), file=str(file))

    is_new = with_person(lambda database, person: add_site(database, site, by=person))
    out.print(f"site {site.slug} {'added' if is_new else 'brought up to date'}")
    out.print(f"next: longtail keywords import {site.slug} FILE")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the sites.

    Example: longtail site list
    """
    listed = with_person(lambda database, by: list_sites(database, by=by))
    if as_json:
        print_json([each.site for each in listed])
        return
    print_table(
        ["site", "name", "language", "time zone", "articles a batch", "longtails ready"],
        (
            [
                each.site.slug,
                each.site.name,
                each.site.language,
                each.site.time_zone,
                each.site.articles_per_batch,
                each.ready,
            ]
            for each in listed
        ),
        folding=("name",),
        spare=("time zone", "language"),
    )


@app.command()
def show(slug: SiteOption, as_json: JsonOption = False) -> None:
    """Show a site, its longtails by status, and its models.

    Example: longtail site show hardware-shop
    """
    settings = start(Settings.load())
    details = with_person(lambda database, by: get_site_details(database, slug, by=by), settings)
    site = details.site
    if as_json:
        print_json(site)
        return
    out.print(f"[bold]{site.slug}[/bold]  {site.base_url}  {site.language}  {site.time_zone}", soft_wrap=True)
    out.print(site.profile.audience, markup=False)
    out.print(
        f"{len(site.profile.facts)} facts, {len(site.profile.links)} links, about {site.profile.word_target} words"
    )
    out.print("longtails: " + ", ".join(f"{count} {status}" for status, count in details.longtails.items()))
    for stage in STAGES:
        choice = choose(settings, site, stage)
        out.print(f"stage {stage} {stage.label}: {choice.provider}:{choice.model}", markup=False)


@app.command()
def remove(
    slug: SiteOption, yes: Annotated[bool, typer.Option("--yes", help="Do it: articles go with their site.")] = False
) -> None:
    """Delete a site with its longtails, batches and articles.

    Says what would go unless --yes.

    Example: longtail site remove hardware-shop --yes
    """
    contents = with_person(lambda database, person: remove_site(database, slug, by=person, dry_run=not yes))
    what = f"{slug} with {contents.longtails} longtails and {contents.articles} articles"
    out.print(f"removed {what}" if yes else f"this would remove {what}; do it with --yes")
