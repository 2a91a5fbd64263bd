"""``longtail audit``: who did what, handed out and verified."""

import json
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from src.application import audit
from src.application.audit import AuditReport
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.unit_of_work import Database
from src.rendering.spreadsheet import csv_line

from .connections import with_person
from .options import JsonOption
from .schedule.options import moment
from .terminal import err, out, print_json

app = typer.Typer(
    help="Hand out the audit trail (who did what, from where), or verify it.",
    no_args_is_help=True,
    add_completion=False,
)


class _Form(StrEnum):
    CSV = "csv"
    LINES = "jsonl"
    DOCUMENT = "json"


@app.command()
def export(
    as_csv: Annotated[bool, typer.Option("--csv", help="A table for spreadsheets; the default.")] = False,
    as_lines: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line.")] = False,
    since: Annotated[str | None, typer.Option(help="From this date or moment on; UTC unless it has an offset.")] = None,
    site: Annotated[str | None, typer.Option(help="Only what concerns this site.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the audit trail, the oldest event first.

    It is read and printed bit by bit, so any length is fine. In CSV a cell that a spreadsheet would take for a formula
    begins with an apostrophe.

    Example: longtail audit export --csv --since 2026-11-01 > audit.csv
    """
    if as_csv + as_lines + as_json > 1:
        raise typer.BadParameter("choose one of --csv, --jsonl and --json")
    form = _Form.LINES if as_lines else _Form.DOCUMENT if as_json else _Form.CSV
    first = moment(since, "--since", "UTC") if since else None
    with_person(lambda database, by: _write(database, by, form, since=first, site=site))


@app.command()
def verify(as_json: JsonOption = False) -> None:
    """Check the audit trail: numbers without holes, and each last event true.

    Schedules, pauses, holds, users and tokens have to be as their last event left them. Leaves with 1 and says what
    differs otherwise. It finds slips, not the owner of the database who covers his traces.

    Example: longtail audit verify
    """
    report = with_person(lambda database, by: audit.verify(database, by=by))
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report.is_sound:
        raise typer.Exit(1)


async def _write(database: Database, by: Principal, form: _Form, *, since: datetime | None, site: str | None) -> None:
    by.require(Action.AUDIT_READ, site)  # before anything is printed
    events = audit.export(database, by=by, since=since, site=site)
    write = sys.stdout.write
    match form:
        case _Form.CSV:
            write(csv_line(list(AuditEvent.model_fields)))
            async for event in events:
                write(csv_line([_cell(value) for value in event.model_dump(mode="json").values()]))
        case _Form.LINES:
            async for event in events:
                write(f"{event.model_dump_json()}\n")
        case _Form.DOCUMENT:
            await _write_document(events)


async def _write_document(events: AsyncIterator[AuditEvent]) -> None:
    separator = "["
    async for event in events:
        sys.stdout.write(f"{separator}\n{event.model_dump_json()}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _print(report: AuditReport) -> None:
    for hole in report.holes:
        err.print(f"numbers {hole.first} to {hole.last} are missing")
    for each in report.differences:
        event = f"event {each.number}" if each.number else "no event"
        err.print(
            f"{each.noun} {each.subject}: {event} left {_cell(each.recorded)}, there is {_cell(each.found)}",
            markup=False,
            soft_wrap=True,
        )
    out.print(f"{report.events} events; " + ("nothing differs" if report.is_sound else "see above"))
