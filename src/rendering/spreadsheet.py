"""Rows for spreadsheets, in which no cell is ever a formula."""

import csv
import io
from collections.abc import Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of one


def csv_line(cells: Sequence[object]) -> str:
    """Return one line of CSV (RFC 4180) with its line end.

    None is an empty cell. Text that begins like a formula gets an apostrophe.
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_inert(cell) for cell in cells])
    return line.getvalue()


def _inert(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
