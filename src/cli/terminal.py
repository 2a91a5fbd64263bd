"""What people and scripts see.

Tables, JSON, times in their own zone, a sign of life on anything slow.
"""

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from src.domain.errors import InputInvalid
from src.domain.usage import Spend

PIPED_WIDTH = 200  # columns, where no terminal says how many it has
FOLDED_WIDTH = 24  # narrower than this a keyword is hard to read
COLUMN_GAP = 2  # rich puts one space on each side
out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
err = Console(stderr=True, highlight=False)

STATUS_STYLES = {
    "needs_review": "green",
    "approved": "green",
    "changes_requested": "yellow",
    "parked": "yellow",
    "rejected": "red",
    "withdrawn": "yellow",
    "completed": "green",
    "partly_failed": "yellow",
    "failed": "red",
    "cancelled": "yellow",
    "stopped": "yellow",
    "generating": "cyan",
    "running": "cyan",
}


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print one JSON document, times in UTC, for scripts."""
    if isinstance(value, BaseModel):
        document: Any = value.model_dump(mode="json")
    elif isinstance(value, dict):
        document = value
    else:
        document = [item.model_dump(mode="json") for item in value]
    print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201 - rich would wrap it


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    folding: Collection[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """Print a table; text from outside is never read as markup.

    Where the screen is too narrow, ``folding`` columns take more lines, then ``spare`` ones are left out, in their
    order, and named: an id or a status is never cut.
    """
    cells = [[_text(cell) for cell in row] for row in rows]
    table = {name: [row[at] for row in cells] for at, name in enumerate(columns)}
    left_out = []
    for name in spare:
        if _least_width(table, folding) <= out.width:
            break
        del table[name]
        left_out.append(name)
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in table:
        grid.add_column(name, overflow="fold" if name in folding else "ellipsis", no_wrap=name not in folding)
    for row in zip(*table.values(), strict=True):
        grid.add_row(*row)
    if cells:
        out.print(grid)
    else:
        out.print(f"{title}: none" if title else "none", markup=False)
    if left_out:
        err.print(f"[dim]not shown at this width: {', '.join(left_out)}[/dim]")


class Markup(str):
    """Text whose style tags are ours."""

    __slots__ = ()


def _text(cell: object) -> Text:
    return Text.from_markup(cell) if isinstance(cell, Markup) else Text(str(cell))


def _least_width(table: Mapping[str, Sequence[Text]], folding: Collection[str]) -> int:
    """Return how many columns the table needs at least."""
    widths = {name: max([cell_len(name), *(cell.cell_len for cell in cells)]) for name, cells in table.items()}
    return sum(min(width, FOLDED_WIDTH) if name in folding else width for name, width in widths.items()) + (
        COLUMN_GAP * (len(table) - 1)
    )


def status(value: str) -> Markup:
    """Return a status in its colour, with spaces."""
    style = STATUS_STYLES.get(value, "default")
    return Markup(f"[{style}]{value.replace('_', ' ')}[/{style}]")


def local(at: datetime | None) -> str:
    """Return a moment in the reader's own zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if at else "–"


def in_zone(at: datetime, zone: str) -> str:
    """Return a moment of a schedule.

    In its zone with the offset, and in UTC.

    Every slot and run is printed like this: ``Mon 2026-11-30 06:00 +01:00 (05:00 UTC)``.
    """
    there, utc = at.astimezone(ZoneInfo(zone)), at.astimezone(UTC)
    clock = "%H:%M:%S" if at.second else "%H:%M"
    offset = f"{there:%z}"
    day = "" if there.date() == utc.date() else f"{utc:%Y-%m-%d} "
    return f"{there:%a %Y-%m-%d} {there:{clock}} {offset[:3]}:{offset[3:5]} ({day}{utc:{clock}} UTC)"


def in_words(span: timedelta) -> str:
    """Return a length of time as people say it.

    ``3d``, ``1h 30m``, ``45s``.
    """
    seconds = round(span.total_seconds())
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def money(spend: Spend) -> str:
    """Return what it cost. Unpriced calls are said, never counted as zero."""
    if spend.calls and spend.unpriced_calls == spend.calls:
        return "unpriced"
    amount = "$0" if spend.cost_usd == 0 else f"${spend.cost_usd.quantize(Decimal('0.0001'))}"
    return f"{amount} + {spend.unpriced_calls} unpriced" if spend.unpriced_calls else amount


@contextmanager
def busy(doing: str) -> Iterator[None]:
    """Show a spinner with what takes a moment, if a person watches."""
    with err.status(escape(doing)) if err.is_terminal else _silence():
        yield


@contextmanager
def _silence() -> Iterator[None]:
    yield


def print_page(html: str, to: Path | None) -> None:
    """Print the page, or write it to a file.

    Raises InputInvalid when that cannot be written.
    """
    if to is None:
        print(html)  # noqa: T201 - rich would wrap it
        return
    try:
        to.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputInvalid("--out", str(to), f"{error.strerror}; choose a place that can be written") from error
    out.print(f"written to {to}", soft_wrap=True)
