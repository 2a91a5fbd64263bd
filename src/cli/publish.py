"""``longtail publish``: approved texts go live, and off again."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from src.bootstrap import Application
from src.domain.errors import InputInvalid
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, Order
from src.domain.principal import Principal
from src.domain.publishing import PublicationRecord, PublicationStatus
from src.infrastructure.database.unit_of_work import Database

from .connections import with_application, with_person
from .options import ArticleOption, ColourOption, JsonOption, resolve_article
from .terminal import local, out, print_json, print_table, status
from .views import print_publication, short, warn_without_workers

if TYPE_CHECKING:
    from src.application.publishing import PublicationResult, Verification

app = typer.Typer(
    help="Publish approved articles, undo that, read pages back, take them off.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def now(
    article_id: ArticleOption,
    at: Annotated[
        datetime | None,
        typer.Option(
            help="When, instead of now, as 2026-12-01T09:00; in this machine's time zone unless it names one (+01:00).",
            metavar="TIME",
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        ),
    ] = None,
    cadence: Annotated[
        bool, typer.Option("--cadence", help="When the site's cadence has room; its file says how many go live a day.")
    ] = False,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Publish text of the offline writer all the same, as noindex.")
    ] = None,
    as_rendered: Annotated[
        bool, typer.Option("--as-rendered", help="Take the page as this version renders it, though another was shown.")
    ] = False,
    colour: ColourOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish the text of an article that was approved.

    It waits for as long as the site lets publications be undone; until then longtail publish undo leaves no trace.
    Nothing is published twice, however often this is repeated.

    Example: longtail publish now 7be1c2d4
    """
    if at is not None and cadence:
        raise InputInvalid("at", at.isoformat(), "say --at or --cadence, and not both")

    async def work(application: Application) -> "PublicationResult":
        found = await resolve_article(application.database, article_id)
        return await application.publishing.publish(
            found,
            at=at.astimezone() if at else None,
            by_cadence=cadence,
            forced=force,
            as_rendered=as_rendered,
            colour=colour,
        )

    _print_result(with_application(work), as_json=as_json)


@app.command("status")
def status_(
    article_id: Annotated[
        str | None, typer.Argument(metavar="[ARTICLE]", help="Its id, or the first characters of it; all without.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    wanted: Annotated[PublicationStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List publications, the newest first.

    Example: longtail publish status --site hardware-shop
    """
    from src.application.publishing import list_publication_page  # noqa: PLC0415 - rules and renderers, for publishers

    async def work(database: Database, by: Principal) -> list[PublicationRecord]:
        page = await list_publication_page(
            database,
            by=by,
            article_id=await resolve_article(database, article_id) if article_id else None,
            site=site,
            statuses=[wanted] if wanted else (),
            excerpt=Excerpt(limit=limit, order=Order.NEWEST),
        )
        return page.items

    publications = with_person(work)
    if as_json:
        print_json(publications)
    else:
        _print_publications(publications)


@app.command()
def undo(article_id: ArticleOption, as_json: JsonOption = False) -> None:
    """Undo a publication that is not out yet; it leaves no trace.

    Example: longtail publish undo 7be1c2d4
    """

    async def work(application: Application) -> list[PublicationRecord]:
        return await application.publishing.undo(await resolve_article(application.database, article_id))

    undone = with_application(work)
    if as_json:
        print_json(undone)
    else:
        out.print(f"article {short(undone[0].article_id)} is not published; its text stays approved")


@app.command()
def off(article_id: ArticleOption, colour: ColourOption = None, as_json: JsonOption = False) -> None:
    """Take an article's page off the site, out of sitemap and feed.

    Its bytes are kept; longtail publish restore puts them back.

    Example: longtail publish off 7be1c2d4
    """

    async def work(application: Application) -> "PublicationResult":
        found = await resolve_article(application.database, article_id)
        return await application.publishing.take_off(found, colour=colour)

    _print_result(with_application(work), as_json=as_json)


@app.command()
def restore(article_id: ArticleOption, colour: ColourOption = None, as_json: JsonOption = False) -> None:
    """Put the page back that was taken off, with its dates.

    Example: longtail publish restore 7be1c2d4
    """

    async def work(application: Application) -> "PublicationResult":
        found = await resolve_article(application.database, article_id)
        return await application.publishing.restore(found, colour=colour)

    _print_result(with_application(work), as_json=as_json)


@app.command()
def verify(
    article_id: Annotated[
        str | None, typer.Argument(metavar="[ARTICLE]", help="Its id, or the first characters of it.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="All that this site has.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Read published pages back and compare them with what was approved.

    Exits with 1 where something differs.

    Example: longtail publish verify --site hardware-shop
    """
    if (article_id is None) == (site is None):
        raise InputInvalid("ARTICLE", article_id, "name an article, or a site with --site, and not both")

    async def work(application: Application) -> "list[Verification]":
        found: ArticleId | None = await resolve_article(application.database, article_id) if article_id else None
        return await application.publishing.verify(article_id=found, site=site)

    verified = with_application(work)
    if as_json:
        print_json(verified)
    else:
        for each in verified:
            found = "; ".join(each.problems) or "as it was approved"
            out.print(f"{each.publication.canonical}: {found}", markup=False, soft_wrap=True)
        out.print(f"{len(verified)} page(s) read back, {sum(bool(each.problems) for each in verified)} with problems")
    if any(each.problems for each in verified):
        raise typer.Exit(1)


def _print_result(result: "PublicationResult", *, as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    print_publication(result.publication)
    if not result.has_workers:
        warn_without_workers(result.colour)


def _print_publications(publications: list[PublicationRecord]) -> None:
    print_table(
        ["article", "site", "address", "due", "approved by", "status", "problem"],
        (
            [
                short(each.article_id),
                each.site,
                each.path,
                local(each.due_at),
                each.reviewer,
                status(each.status),
                each.problem or "",
            ]
            for each in publications
        ),
        folding=("problem",),
        spare=("approved by", "site"),
    )
