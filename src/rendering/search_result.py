"""Title and description in a search result: how wide, where cut.

A search engine cuts by width: 580 px for a title of 20 px and 920 px for a description of 14 px, both in Arial, on a
desktop. These are measured, not promised, so that they are a warning at most.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_TABLE = "arial_widths.txt"
_UNITS = 2048  # to the em
_UNSEEN = {"Mn", "Me", "Cf"}  # they stand above or below another character, or are not shown
_CUT = " …"
TITLE_SIZE, TITLE_WIDTH = 20, 580  # px
DESCRIPTION_SIZE, DESCRIPTION_WIDTH = 14, 920  # px


@dataclass(frozen=True)
class Line:
    """A line of a search result.

    Attributes:
        shown: what is left of it within the limit, with an ellipsis where it is cut.
        width: of the whole, in px.
    """

    text: str
    shown: str
    width: int
    limit: int

    @property
    def is_cut(self) -> bool:
        """Return whether it is too wide."""
        return self.width > self.limit


@dataclass(frozen=True)
class SearchResult:
    """Title and description as a search engine shows them."""

    title: Line
    description: Line


def search_result(title: str, description: str) -> SearchResult:
    """Return both lines, measured."""
    return SearchResult(
        title=_line(title, TITLE_SIZE, TITLE_WIDTH),
        description=_line(description, DESCRIPTION_SIZE, DESCRIPTION_WIDTH),
    )


def width_of(text: str, size: float) -> float:
    """Return the width in px of a line in Arial.

    An unknown character is as wide as it is high.
    """
    return sum(map(_units, text)) * size / _UNITS


def _line(text: str, size: float, limit: int) -> Line:
    width = width_of(text, size)
    shown = text if width <= limit else _shortened(text, size, limit)
    return Line(text=text, shown=shown, width=round(width), limit=limit)


def _shortened(text: str, size: float, limit: int) -> str:
    """Return the words that fit before an ellipsis.

    Where not even one does, that is its beginning.
    """
    left, end = limit - width_of(_CUT, size), 0
    for character in text:
        left -= width_of(character, size)
        if left < 0:
            break
        end += 1
    whole = text[:end] if text[end : end + 1].isspace() else text[:end].rpartition(" ")[0] or text[:end]
    return f"{whole.rstrip()}{_CUT}"


def _units(character: str) -> int:
    if unicodedata.category(character) in _UNSEEN:
        return 0
    return _widths().get(ord(character), _UNITS)


@cache
def _widths() -> dict[int, int]:
    found: dict[int, int] = {}
    for line in files(__package__).joinpath(_TABLE).read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        first, *runs = line.split()
        at = int(first, 16)
        for run in runs:
            width, _, times = run.partition("*")
            for _ in range(int(times or 1)):
                found[at] = int(width)
                at += 1
    return found
