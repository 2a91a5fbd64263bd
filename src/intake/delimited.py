"""Reads lines and cells of text files with their line numbers.

People export such files and edit them by hand.
"""

import csv
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from src.domain.errors import FileInvalid

MAX_BYTES = 20_000_000  # the whole file is in memory several times over while it is read
MAX_LINES = 1_000_000  # a minute of reading at the worst; real lists of 20 MB have half of it
MAX_LINES_A_RECORD = 100  # one forgotten quote costs its own row, never the rest of the file
_SAVE_AGAIN = "save it as UTF-8 (in Excel: «CSV UTF-8») and hand it in again"
_SIGNATURES = {
    b"PK\x03\x04": f"it is a spreadsheet or an archive; open it and {_SAVE_AGAIN}",
    b"\xd0\xcf\x11\xe0": f"it is a spreadsheet; open it and {_SAVE_AGAIN}",
    b"\xff\xfe": f"it is UTF-16, which this version does not read; {_SAVE_AGAIN}",
    b"\xfe\xff": f"it is UTF-16, which this version does not read; {_SAVE_AGAIN}",
    b"\x00\x00\xfe\xff": f"it is UTF-32, which this version does not read; {_SAVE_AGAIN}",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table.

    Attributes:
        line: where it begins, counted from 1.
        lines: how many lines it takes; more than one where a quoted cell holds line ends.
        text: as it stands in the file.
        cells: None where its quotes do not match.
    """

    line: int
    lines: int
    text: str
    cells: tuple[str, ...] | None


def decode(data: bytes, *, file: str) -> str:
    """Return ``data`` as text, without a byte order mark.

    Raises FileInvalid unless it is UTF-8 of a sensible size.
    """
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.1f} MB, the limit is {MAX_BYTES / 1e6:.0f} MB"
        raise FileInvalid(file, f"it has {size}; hand it in in parts")
    for signature, problem in _SIGNATURES.items():
        if data.startswith(signature):
            raise FileInvalid(file, problem)
    if data.count(0) * 4 > len(data):
        raise FileInvalid(file, f"it looks like UTF-16 without its mark; {_SAVE_AGAIN}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_end = b"\n" if b"\n" in data else b"\r"
        before = error.object[: error.start].split(line_end)
        place = f"byte {len(before[-1]) + 1} of the line is 0x{error.object[error.start]:02X}"
        raise FileInvalid(file, f"{place}, which is not UTF-8; {_SAVE_AGAIN}", line=len(before)) from error


def split_lines(text: str, *, file: str) -> list[str]:
    """Return the lines as an editor numbers them.

    A line end at the end of the file begins no further line.

    Raises FileInvalid when there are too many.
    """
    lines = text.split("\n") if "\n" in text else text.split("\r")
    if not lines[-1]:
        lines.pop()
    if len(lines) > MAX_LINES:
        raise FileInvalid(file, f"it has {len(lines):,} lines, the limit is {MAX_LINES:,}; hand it in in parts")
    return [line.removesuffix("\r").replace("\r", " ") for line in lines]


class Table:
    """Lines read as CSV with one delimiter."""

    def __init__(self, lines: Sequence[str], *, delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._unbalanced = [index for index, line in enumerate(lines) if line.count('"') % 2]

    def record(self, index: int) -> Record:
        """Return the record that begins at ``index``, counted from 0.

        A quote that nothing closes, or closes only where a cell cannot end, spoils one line and not those below it.
        """
        cells = self._cells(index, 1, strict=True)
        if cells is not None:
            return self._record(index, 1, cells)
        if (lines := self._lines_to_close(index)) and (cells := self._cells(index, lines, strict=True)):
            return self._record(index, lines, cells)
        balanced = self._lines[index].count('"') % 2 == 0
        return self._record(index, 1, self._cells(index, 1, strict=False) if balanced else None)

    def _record(self, index: int, lines: int, cells: tuple[str, ...] | None) -> Record:
        return Record(index + 1, lines, "\n".join(self._lines[index : index + lines]), cells)

    def _lines_to_close(self, index: int) -> int | None:
        """Return how many lines a quoted cell spans.

        That is up to the next line with an odd number of quotes.
        """
        if self._lines[index].count('"') % 2 == 0:
            return None
        position = bisect_right(self._unbalanced, index)
        if position == len(self._unbalanced):
            return None
        lines = self._unbalanced[position] - index + 1
        return lines if lines <= MAX_LINES_A_RECORD else None

    def _cells(self, index: int, lines: int, *, strict: bool) -> tuple[str, ...] | None:
        chunk = [f"{line}\n" for line in self._lines[index : index + lines]]
        reader = csv.reader(chunk, delimiter=self._delimiter, strict=strict, skipinitialspace=True)
        try:
            cells = next(reader)
        except csv.Error:
            return None
        return tuple(cells) if reader.line_num == lines else None
