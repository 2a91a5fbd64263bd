"""One row of a keyword list.

Its cells become the fields of a longtail, or it is rejected with the reason.
"""

from collections.abc import Callable, Mapping

from src.domain.errors import InputInvalid
from src.domain.longtail import MAX_INTENT_LENGTH, MAX_PRIORITY, MAX_VOLUME, clean_phrase
from src.domain.text import beginning, visible

from .delimited import Record
from .numbers import decimal, is_unknown, whole

COLUMNS = ("keyword", "priority", "volume", "difficulty", "intent")
_MAX_LINE_LENGTH = 100_000  # characters; the csv module gives up a little later

Value = str | int | float | None


def values_of(record: Record, positions: Mapping[str, int], *, columns: int) -> dict[str, Value]:
    """Return the record's fields as a longtail has them.

    A value that is unknown is None.

    ``positions`` maps each known column to its cell; ``columns`` is the header's length.

    Raises InputInvalid naming the field, its value and the remedy.
    """
    if record.cells is None:
        long = len(record.text) > _MAX_LINE_LENGTH
        problem = "the line is too long" if long else "its quotes do not match; a quote inside a quoted cell is doubled"
        raise InputInvalid("row", beginning(record.text), problem)
    if any(cell.strip() for cell in record.cells[columns:]):
        problem = (
            f"it has {len(record.cells)} cells, the header {columns}; put quotes around a cell that holds a delimiter"
        )
        raise InputInvalid("row", beginning(record.text), problem)
    cells = {name: record.cells[at] for name, at in positions.items() if at < len(record.cells)}
    return {"phrase": clean_phrase(cells.get("keyword", ""))} | {
        name: _READERS[name](cells.get(name, "")) for name in COLUMNS if name != "keyword"
    }


def _number(
    name: str, parse: Callable[[str], int | float | None], least: int, most: int
) -> Callable[[str], int | float | None]:
    def reader(cell: str) -> int | float | None:
        try:
            number = parse(cell)
        except ValueError as error:
            raise InputInvalid(name, beginning(cell), str(error)) from error
        if number is not None and not least <= number <= most:
            raise InputInvalid(name, beginning(cell), f"it must lie between {least} and {most}")
        return number

    return reader


def _intent(cell: str) -> str | None:
    if is_unknown(cell):
        return None
    try:
        intent = visible(cell)
    except ValueError as error:
        raise InputInvalid("intent", beginning(cell), str(error)) from error
    if len(intent) > MAX_INTENT_LENGTH:
        raise InputInvalid("intent", beginning(cell), f"it is longer than {MAX_INTENT_LENGTH} characters")
    return intent or None


_READERS: Mapping[str, Callable[[str], Value]] = {
    "priority": _number("priority", whole, -MAX_PRIORITY, MAX_PRIORITY),
    "volume": _number("volume", whole, 0, MAX_VOLUME),
    "difficulty": _number("difficulty", decimal, 0, 100),
    "intent": _intent,
}
