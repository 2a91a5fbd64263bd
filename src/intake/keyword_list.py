"""Keyword lists as people hand them in.

Every line ends up accepted, merged, rejected or skipped, and is counted.

A CSV is known by its header, the first line that is neither empty nor a comment: one of its cells reads ``keyword``.
Any other file is a plain list, where a line is a phrase, commas and all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from src.domain.errors import FileInvalid, InputInvalid
from src.domain.longtail import Longtail, phrase_key
from src.domain.text import beginning

from .delimited import MAX_LINES_A_RECORD, Record, Table, decode, split_lines
from .keyword_row import COLUMNS, Value, values_of

_DELIMITERS = (";", ",", "\t")
_NO_DELIMITER = "\x1f"  # for a table of one column: no text holds it
_SEPARATOR_LINE = re.compile(r"sep=.", re.IGNORECASE)  # Excel's own hint; the header shows the delimiter too
_LAST_CELL = re.compile(
    r'[;\t]|,["\s<]*\d[\d.]*\s*[km%]?["\s]*$', re.IGNORECASE
)  # phrases hold no ; and end in no figure
_QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»"}


@dataclass(frozen=True, slots=True)
class Row:
    """A longtail of the list.

    Attributes:
        line: where its row begins, counted from 1.
        lines: how many lines the row takes.
        longtail: with what later rows of the same phrase added to it.
    """

    line: int
    lines: int
    longtail: Longtail


@dataclass(frozen=True, slots=True)
class Merged:
    """A row whose phrase came before.

    Attributes:
        into: the line that it became part of.
        taken: the fields that were unknown there and are known from here.
        dropped: the fields that differ from there; the earlier value stays.
    """

    line: int
    lines: int
    text: str
    into: int
    taken: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Return the merge in words."""
        notes = [f"same phrase as line {self.into}"]
        if self.taken:
            notes.append(f"{', '.join(self.taken)} taken over from here")
        if self.dropped:
            notes.append(f"{', '.join(self.dropped)} of line {self.into} kept")
        return "; ".join(notes)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be used.

    The field, its value and the remedy are in ``reason``.
    """

    line: int
    lines: int
    text: str  # its beginning, as it stands in the file: escape it before it is shown
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordList:
    """A file as it was read.

    ``lines`` is the sum of all rows' lines, ``header_lines``, ``blank`` and ``comments``.

    Attributes:
        delimiter: between the cells of a CSV; None for a plain list or a table of one column.
        columns: the known columns, in their order; just ``keyword`` for a plain list.
        ignored_columns: the names of all others, in their order.
    """

    file: str
    format: Literal["csv", "plain"]
    delimiter: str | None
    columns: tuple[str, ...]
    ignored_columns: tuple[str, ...]
    lines: int
    header_lines: int
    blank: int
    comments: int
    accepted: tuple[Row, ...]
    merged: tuple[Merged, ...]
    rejected: tuple[Rejected, ...]

    @property
    def longtails(self) -> tuple[Longtail, ...]:
        """Return the longtails to import, in the order of the file."""
        return tuple(row.longtail for row in self.accepted)


def read(data: bytes, *, file: str) -> KeywordList:
    """Read a plain list or a CSV.

    ``file`` is its name, for messages.

    Raises FileInvalid when the file as a whole cannot be read or holds no rows; a bad row is rejected and never raises.
    """
    lines = split_lines(decode(data, file=file), file=file)
    header = _header_of(lines)
    sorter = _Sorter(header or _PLAIN)
    if header:
        _sort_csv(lines, header, sorter)
    elif _is_table(lines):
        raise FileInvalid(file, "it has columns but no header; begin it with a line that names them: keyword,volume")
    else:
        _sort_plain(lines, sorter)
    if not (sorter.entries or sorter.rejected):
        raise FileInvalid(file, "it holds no keywords; write one a line, or a CSV with a column named keyword")
    return sorter.result(file=file, lines=len(lines))


# --- what kind of file it is -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Header:
    delimiter: str | None
    titles: tuple[str, ...]  # one a column, as written
    index: int  # its first line, counted from 0
    lines: int

    @cached_property
    def positions(self) -> dict[str, int]:
        """Return where each known column is.

        Of two with one name the first counts.
        """
        names = [_folded(title) for title in self.titles]
        return {name: names.index(name) for name in COLUMNS if name in names}


_PLAIN = _Header(None, ("keyword",), 0, 0)


def _header_of(lines: Sequence[str]) -> _Header | None:
    for index, line in enumerate(lines):
        if not line.strip() or _SEPARATOR_LINE.fullmatch(line.strip()):
            continue
        header = _header_at(index, lines)
        if header or not line.lstrip().startswith("#"):
            return header
    return None


def _header_at(index: int, lines: Sequence[str]) -> _Header | None:
    """Read the line as a header with each delimiter.

    The one that finds most columns is the file's.
    """
    found = []
    for delimiter in _DELIMITERS:
        record = Table(lines[index : index + MAX_LINES_A_RECORD], delimiter=delimiter).record(0)
        names = [_folded(cell) for cell in record.cells or ()]
        if "keyword" in names and not (names[0].startswith("#") and names[0] != "#"):
            found.append(_Header(delimiter if len(names) > 1 else None, tuple(record.cells or ()), index, record.lines))
    return max(found, key=lambda header: len(header.titles), default=None)


def _folded(title: str) -> str:
    return " ".join(title.strip("\ufeff\u200b ").split()).casefold()


def _printable(title: str) -> str:
    """Replace control characters."""
    return "".join(character if character.isprintable() else "�" for character in title)


def _is_table(lines: Sequence[str]) -> bool:
    """Return whether a file without a header is a table.

    In a table every line but the first has a further cell.
    """
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")][1:]
    return len(rows) >= 2 and all(_LAST_CELL.search(row) for row in rows)


# --- line by line ----------------------------------------------------------------------------------------------------


def _sort_plain(lines: Sequence[str], sorter: "_Sorter") -> None:
    for number, line in enumerate(lines, start=1):
        phrase = line.strip()
        if not phrase:
            sorter.blank += 1
        elif phrase.startswith("#"):
            sorter.comments += 1
        else:
            sorter.sort(Record(number, 1, line, (_unquoted(phrase),)))


def _unquoted(phrase: str) -> str:
    return phrase[1:-1] if len(phrase) > 2 and _QUOTES.get(phrase[0]) == phrase[-1] else phrase


def _sort_csv(lines: Sequence[str], header: _Header, sorter: "_Sorter") -> None:
    table = Table(lines, delimiter=header.delimiter or _NO_DELIMITER)
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        if index == header.index:
            sorter.header_lines += header.lines
            index += header.lines
        elif line == "#" or line.startswith("# ") or (line.startswith("#") and index < header.index):
            sorter.comments += 1
            index += 1
        elif line and index < header.index:  # Excel's hint
            sorter.header_lines += 1
            index += 1
        else:
            record = table.record(index)
            sorter.sort(record)
            index += record.lines


# --- row by row ------------------------------------------------------------------------------------------------------


@dataclass
class _Entry:
    line: int
    lines: int
    values: dict[str, Value]


class _Sorter:
    """Accepts, merges or rejects each row; the reader counts the lines."""

    def __init__(self, header: _Header) -> None:
        self.header_lines = self.blank = self.comments = 0
        self.entries: dict[str, _Entry] = {}  # by key, in the order of the file
        self.merged: list[Merged] = []
        self.rejected: list[Rejected] = []
        self._header = header

    def sort(self, record: Record) -> None:
        if record.cells is not None and not any(cell.strip() for cell in record.cells):
            self.blank += record.lines
            return
        try:
            values = values_of(record, self._header.positions, columns=len(self._header.titles))
        except InputInvalid as error:
            self.rejected.append(Rejected(record.line, record.lines, beginning(record.text), error.message))
            return
        entry = _Entry(record.line, record.lines, values)
        earlier = self.entries.setdefault(phrase_key(str(values["phrase"])), entry)
        if earlier is not entry:
            self.merged.append(_merge(earlier, entry, text=beginning(record.text)))

    def result(self, *, file: str, lines: int) -> KeywordList:
        positions = self._header.positions
        return KeywordList(
            file=file,
            format="plain" if self._header is _PLAIN else "csv",
            delimiter=self._header.delimiter,
            columns=tuple(sorted(positions, key=positions.__getitem__)),
            ignored_columns=tuple(
                _printable(beginning(title))
                for position, title in enumerate(self._header.titles)
                if position not in positions.values()
            ),
            lines=lines,
            header_lines=self.header_lines,
            blank=self.blank,
            comments=self.comments,
            accepted=tuple(Row(entry.line, entry.lines, _longtail(entry.values)) for entry in self.entries.values()),
            merged=tuple(self.merged),
            rejected=tuple(self.rejected),
        )


def _merge(earlier: _Entry, later: _Entry, *, text: str) -> Merged:
    """Merge two rows; the first known value of each field wins."""
    known = {name: value for name, value in later.values.items() if name != "phrase" and value is not None}
    taken = tuple(name for name in known if earlier.values[name] is None)
    dropped = tuple(name for name, value in known.items() if earlier.values[name] not in (None, value))
    earlier.values.update({name: known[name] for name in taken})
    return Merged(later.line, later.lines, text, earlier.line, taken, dropped)


def _longtail(values: Mapping[str, Value]) -> Longtail:
    return Longtail.model_validate({name: value for name, value in values.items() if value is not None})
