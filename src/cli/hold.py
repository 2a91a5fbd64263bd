"""``longtail hold``: stop sites for a while without losing anything."""

from typing import Annotated

import typer

from src.application.holds import HoldResult, list_holds
from src.domain.errors import InputInvalid
from src.domain.hold import HoldDepth

from .connections import with_application, with_person
from .options import JsonOption
from .terminal import local, out, print_json, print_table
from .views import print_holds

app = typer.Typer(
    help="Stop a site or all of them for a while, at three depths, and release them.",
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
    note: Annotated[str, typer.Option(help="Why, for the next person.")] = "",
) -> None:
    """Hold a site or all of them.

    Batches and articles wait, and fail of nothing.

    Batches that start meanwhile wait too, before they claim a longtail. Of a site's hold and one on all the deeper
    counts. Setting it again changes the depth.

    Example: longtail hold set hardware-shop --depth stages --note "the model writes nonsense"
    """
    held = _held(site, every=every)

    result = with_application(lambda application: application.holds.set(held, depth=depth, note=note))
    out.print(f"{_EFFECTS[depth]}; workflows signalled: {_counts(result)}")
    print_holds(result.holds)


@app.command()
def release(site: Site = None, every: All = False) -> None:
    """Release a site, or end the hold on all with --all.

    Finished stages are kept; none is bought again.

    Example: longtail hold release hardware-shop
    """
    held = _held(site, every=every)

    result = with_application(lambda application: application.holds.release(held))
    changed = "is released" if result.changed else "had no hold"
    out.print(f"{held or 'every site'} {changed}; workflows signalled: {_counts(result)}")
    print_holds(result.holds, prefix="still: ")


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List what is held.

    Example: longtail hold list
    """
    holds = with_person(lambda database, by: list_holds(database, by=by))
    if as_json:
        print_json(holds)
        return
    print_table(
        ["site", "depth", "since", "by", "note"],
        ([hold.site or "every site", hold.depth, local(hold.held_at), hold.held_by, hold.note] for hold in holds),
    )


def _held(site: str | None, *, every: bool) -> str | None:
    if every == (site is not None):
        raise InputInvalid("SITE", site, "name one site, or say --all, and not both")
    return site


def _counts(result: HoldResult) -> str:
    return f"{result.batches} of batches, {result.articles} of articles"
