"""No cell is a formula, and every reader of CSV gets back what was there."""

import csv
import io

import pytest

from src.rendering.spreadsheet import csv_line


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_begins_like_a_formula_begins_with_an_apostrophe(start: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line([f"{start}HYPERLINK(1)", "plain"]), newline=""))
    assert row == [f"'{start}HYPERLINK(1)", "plain"]


def test_quotes_commas_and_line_ends_stay_in_their_cell() -> None:
    cells = ['say "no", twice', "two\nlines", "", "7"]
    (row,) = csv.reader(io.StringIO(csv_line(cells), newline=""))
    assert row == cells
    assert csv_line([None, 7]) == ",7\r\n"
