"""``longtail keywords``: what the articles will be about; every line of a list is accounted for."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from src.domain.longtail import LongtailStatus
from src.infrastructure.database.models import LongtailRow
from src.infrastructure.database.unit_of_work import Database
from src.intake import keyword_list

from .connections import with_database
from .files import contents
from .terminal import err, out, print_json, print_table

app = typer.Typer(help="Import keyword lists and see what becomes of them.", no_args_is_help=True, add_completion=False)

Site = Annotated[str, typer.Argument(metavar="SITE", help="The site's slug.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document for scripts.")]


@app.command("import")
def import_(
    site: Site,
    file: Annotated[Path, typer.Argument(help="One keyword a line, or a CSV with a column 'keyword', in UTF-8.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import a keyword list. Every row is accepted, merged or rejected, with its reason; repeating it adds nothing.

    Example: longtail keywords import hardware-shop examples/hardware-shop-keywords.csv --dry-run
    """
    listed = keyword_list.read(contents(file), file=str(file))

    async def work(database: Database) -> list[keyword_list.Row]:
        """Return the rows that the site had before."""
        async with database.unit_of_work(autocommit=not dry_run) as uow:
            await uow.sites.get(site)
            longtails = [row.longtail for row in listed.accepted]
            known = await uow.longtails.list_known_keys(site, [longtail.key for longtail in longtails])
            await uow.longtails.add(site, longtails, source=file.name)
            return [row for row in listed.accepted if row.longtail.key in known]

    known = with_database(work)
    report = _report(listed, known, dry_run=dry_run)
    if as_json:
        print_json(report)
        return
    for line, text, reason in _refused(listed, known):
        err.print(f"line {line}: {escape(repr(text))}: {escape(reason)}", soft_wrap=True)
    verb = "would be added" if dry_run else "added"
    out.print(
        f"{report['added']} {verb}, {report['known']} known already, {report['merged']} merged, "
        f"{report['rejected']} rejected, {report['skipped']} lines empty or comments; {report['lines']} lines in all"
    )
    if listed.ignored_columns:
        out.print(f"columns not used: {', '.join(listed.ignored_columns)}", markup=False)


@app.command("list")
def list_(
    site: Site,
    wanted: Annotated[LongtailStatus | None, typer.Option("--status", help="Only those in this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 100,
    as_json: Json = False,
) -> None:
    """List a site's longtails in the order in which batches take them.

    Example: longtail keywords list hardware-shop --status ready
    """

    async def work(database: Database) -> tuple[list[LongtailRow], dict[LongtailStatus, int]]:
        async with database.unit_of_work() as uow:
            await uow.sites.get(site)
            return await uow.longtails.list_for_site(
                site, status=wanted, limit=limit
            ), await uow.longtails.count_by_status(site)

    rows, counts = with_database(work)
    if as_json:
        fields = ("phrase", "status", "priority", "volume", "difficulty", "intent", "source", "reason")
        print_json(
            {"site": site, "counts": counts, "longtails": [{f: getattr(row, f) for f in fields} for row in rows]}
        )
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
            for row in rows
        ),
        folding=("keyword", "why"),
        spare=("source", "difficulty", "volume"),
    )
    out.print(", ".join(f"{count} {status}" for status, count in counts.items()))


@app.command()
def requeue(
    site: Site,
    phrases: Annotated[list[str] | None, typer.Argument(help="Which; default: all whose article failed.")] = None,
) -> None:
    """Make failed or written longtails ready for a new article in the next batch.

    To go on with the article they have, use: longtail article retry.

    Example: longtail keywords requeue hardware-shop "how to bleed a radiator"
    """

    async def work(database: Database) -> int:
        async with database.unit_of_work() as uow:
            await uow.sites.get(site)
            return await uow.longtails.requeue(site, phrases or [])

    out.print(f"{with_database(work)} longtails are ready again")


def _report(listed: keyword_list.KeywordList, known: list[keyword_list.Row], *, dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "added": len(listed.accepted) - len(known),
        "known": len(known),
        "merged": len(listed.merged),
        "rejected": len(listed.rejected),
        "skipped": listed.blank + listed.comments,
        "lines": listed.lines,
        "rows": [{"line": line, "text": text, "reason": reason} for line, text, reason in _refused(listed, known)],
    }


def _refused(listed: keyword_list.KeywordList, known: list[keyword_list.Row]) -> list[tuple[int, str, str]]:
    """Every row that was not added, in the order of the file."""
    rows = [(row.line, row.longtail.phrase, "the site has it already") for row in known]
    rows += [(row.line, row.text, f"merged: {row.reason}") for row in listed.merged]
    rows += [(row.line, row.text, f"rejected: {row.reason}") for row in listed.rejected]
    return sorted(rows)
