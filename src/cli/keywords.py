"""``longtail keywords``: what the articles will be about.

Every line of a list is accounted for.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from src.application.keywords import ImportReport, import_keywords, list_keywords, requeue_keywords
from src.domain.longtail import LongtailStatus
from src.intake import keyword_list

from .connections import with_person
from .options import JsonOption, SiteOption, read_file
from .terminal import err, out, print_json, print_table

app = typer.Typer(help="Import keyword lists and see what becomes of them.", no_args_is_help=True, add_completion=False)

_SHOWN_OF_NEW = 20  # lines that a dry run would add


@app.command("import")
def import_(
    site: SiteOption,
    file: Annotated[Path, typer.Argument(help="One keyword a line, or a CSV with a column 'keyword', in UTF-8.")],
    written: Annotated[
        bool, typer.Option("--written", help="Their articles exist already, made elsewhere: no batch takes them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a keyword list.

    Every row is accepted, merged or rejected, with its reason; repeating it adds nothing.

    Figures of keywords that the site has already are not taken over.

    Example: longtail keywords import hardware-shop examples/hardware-shop-keywords.csv --dry-run
    """
    listed = keyword_list.read(read_file(file), file=str(file))
    report = with_person(
        lambda database, person: import_keywords(
            database, site, listed, by=person, source=file.name, written=written, dry_run=dry_run
        )
    )
    if as_json:
        print_json(report)
        return
    _print_rows(report)
    verb = "would be added" if dry_run else "added"
    out.print(
        f"{report.added} {verb}, {report.known} known already, {report.merged} merged, "
        f"{report.rejected} rejected, {report.skipped} lines empty or comments; {report.lines} lines in all"
    )
    if report.figures_not_taken:
        out.print(f"the figures of {report.figures_not_taken} keywords that the site already has were not taken over")
    if listed.ignored_columns:
        out.print(f"columns not used: {', '.join(listed.ignored_columns)}", markup=False)
    _print_next(report, site)


@app.command("list")
def list_(
    site: SiteOption,
    wanted: Annotated[LongtailStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    as_json: JsonOption = False,
) -> None:
    """List a site's longtails in the order in which batches take them.

    Example: longtail keywords list hardware-shop --status ready
    """

    listed = with_person(lambda database, by: list_keywords(database, site, by=by, status=wanted, limit=limit))
    if as_json:
        print_json(listed)
        return
    print_table(
        ["keyword", "priority", "volume", "difficulty", "status", "source", "why"],
        (
            [
                row.phrase,
                row.priority,
                "–" if row.volume is None else row.volume,
                "–" if row.difficulty is None else f"{row.difficulty:g}",
                row.status,
                row.source,
                row.reason or "",
            ]
            for row in listed.longtails
        ),
        folding=("keyword", "why"),
        spare=("source", "difficulty", "volume"),
    )
    out.print(", ".join(f"{count} {status}" for status, count in listed.counts.items()))


@app.command()
def requeue(
    site: SiteOption,
    phrases: Annotated[list[str] | None, typer.Argument(help="Which; default: all whose article failed.")] = None,
) -> None:
    """Make longtails ready for a new article in the next batch.

    To resume the article that they have, use: longtail article retry.

    Example: longtail keywords requeue hardware-shop "how to bleed a radiator"
    """

    count = with_person(lambda database, person: requeue_keywords(database, site, phrases or [], by=person))
    out.print(f"{count} longtails are ready again")


def _print_next(report: ImportReport, site: str) -> None:
    if report.dry_run:
        out.print("nothing was kept; import it without --dry-run")
    elif report.added:
        out.print(f"next: longtail batch start {site} --wait")


def _print_rows(report: ImportReport) -> None:
    """Print lines that are not added, and the first new ones."""
    for row in report.rows:
        err.print(f"line {row.line}: {escape(repr(row.text))}: {escape(row.reason)}", soft_wrap=True)
    for new in report.would_add[:_SHOWN_OF_NEW]:
        out.print(f"line {new.line}: {escape(repr(new.text))}: would be added", soft_wrap=True)
    if (more := len(report.would_add) - _SHOWN_OF_NEW) > 0:
        out.print(f"and {more} more would be added; all of them: --json")
