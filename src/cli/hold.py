"""``longtail hold``: stop a site or all of them for a while, and lose nothing by it."""

from typing import TYPE_CHECKING, Annotated

import typer

from src.bootstrap import Application
from src.domain.errors import InputInvalid
from src.domain.hold import Hold, HoldDepth
from src.infrastructure.database.unit_of_work import Database

from .batch import hold_line
from .connections import with_application, with_database
from .terminal import local, out, print_json, print_table

if TYPE_CHECKING:
    from src.application.holds import HoldResult

app = typer.Typer(
    help="Stop a site or all of them for a while, at three depths, and let them go on.",
    no_args_is_help=True,
    add_completion=False,
)

Site = Annotated[str | None, typer.Argument(metavar="SITE", help="The site's slug; or --all.")]
All = Annotated[bool, typer.Option("--all", help="Every site, also those added later.")]

_EFFECTS = {
    HoldDepth.ARTICLES: "no new article starts; those under way are finished",
    HoldDepth.STAGES: "articles under way stop before their next stage",
    HoldDepth.CALLS: "calls under way are cut off and asked again after the release",
}


@app.command("set")
def set_(
    depth: Annotated[HoldDepth, typer.Option(help="What stops; each depth includes those before it.")],
    site: Site = None,
    every: All = False,
    note: Annotated[str, typer.Option(help="Why, for whoever looks next.")] = "",
) -> None:
    """Hold a site or all of them: batches and articles wait, and fail of nothing.

    Batches that start meanwhile wait too, before they claim a longtail. Of a site's hold and one on all the deeper
    counts. Setting it again changes the depth.

    Example: longtail hold set hardware-shop --depth stages --note "the model writes nonsense"
    """
    whom = _whom(site, every=every)

    async def work(application: Application) -> tuple["HoldResult", list[Hold]]:
        told = await application.holds.set(whom, depth=depth, note=note)
        async with application.database.unit_of_work() as uow:
            return told, await uow.holds.list_current(whom)

    told, holds = with_application(work)
    out.print(f"{_EFFECTS[depth]}; workflows told: {_counts(told)}")
    for hold in holds:
        out.print(hold_line(hold), markup=False, soft_wrap=True)


@app.command()
def release(site: Site = None, every: All = False) -> None:
    """Let a site go on, or, with --all, end the hold that is on all. Finished stages are kept, none is bought again.

    Example: longtail hold release hardware-shop
    """
    whom = _whom(site, every=every)

    async def work(application: Application) -> tuple["HoldResult", list[Hold]]:
        told = await application.holds.release(whom)
        async with application.database.unit_of_work() as uow:
            return told, await uow.holds.list_current(whom)

    told, holds = with_application(work)
    named = whom or "every site"
    out.print(f"{named} {'is released' if told.changed else 'had no hold of its own'}; workflows told: {_counts(told)}")
    for hold in holds:
        out.print(f"still: {hold_line(hold)}", markup=False, soft_wrap=True)


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")] = False) -> None:
    """List what is held.

    Example: longtail hold list
    """

    async def work(database: Database) -> list[Hold]:
        async with database.unit_of_work() as uow:
            return await uow.holds.list_current()

    holds = with_database(work)
    if as_json:
        print_json(holds)
        return
    print_table(
        ["site", "depth", "since", "by", "note"],
        ([hold.site or "every site", hold.depth, local(hold.held_at), hold.held_by, hold.note] for hold in holds),
    )


def _whom(site: str | None, *, every: bool) -> str | None:
    if every == (site is not None):
        raise InputInvalid("SITE", site or "", "name one site, or say --all, and not both")
    return site


def _counts(told: "HoldResult") -> str:
    return f"{told.batches} of batches, {told.articles} of articles"
