"""Reads numbers in English and continental notation."""

import re
import unicodedata
from decimal import Decimal

_UNKNOWN = {"", "-", "--", "–", "—", "?", "∞", "n/a", "#n/a", "na", "n.a.", "k.a.", "k. a.", "null", "none", "nan"}
_BOUND = re.compile(r"[<>≤≥~]\s*[\d.,' ]+[km]?\s*%?", re.IGNORECASE)
_RANGE = re.compile(r"[\d.,' ]+[km]?\s*[-–—]\s*[\d.,' ]+[km]?", re.IGNORECASE)
_WHOLE = re.compile(r"([-+]?)(\d{1,3}(?:([ .,'])\d{3})(?:\3\d{3})*|\d+)(?:[.,]0+)?")
_SHORT = re.compile(r"(\d+(?:[.,]\d{1,2})?)\s*([km])", re.IGNORECASE)
_DECIMAL = re.compile(r"([-+]?\d+)(?:[.,](\d+))?\s*%?")
_MAX_DIGITS = 15  # more is no figure of any tool, and very long ones are slow to convert


def whole(text: str) -> int | None:
    """Return the whole number in ``text``, None if unknown.

    Reads 1300, 1,300, 1.300, 1 300, 1'300, 1300.0 and 1.3K. Raises ValueError with the remedy.
    """
    plain = _plain(text)
    if plain is None:
        return None
    if short := _SHORT.fullmatch(plain):
        number = Decimal(short[1].replace(",", ".")) * {"k": 1_000, "m": 1_000_000}[short[2].lower()]
        return int(number)
    if found := _WHOLE.fullmatch(plain):
        return int(found[1] + re.sub(r"\D", "", found[2]))
    raise ValueError("write a whole number such as 1300, or leave it empty")


def decimal(text: str) -> float | None:
    """Return the number in ``text``, None if unknown.

    Reads 45, 45.5, 45,5 and 45 %; one comma or point is always the decimal one. Raises ValueError with the remedy.
    """
    plain = _plain(text)
    if plain is None:
        return None
    if found := _DECIMAL.fullmatch(plain):
        return float(f"{found[1]}.{found[2] or 0}")
    raise ValueError("write a number such as 45 or 45.5, or leave it empty")


def is_unknown(text: str) -> bool:
    """Return whether a cell is empty or marked as such."""
    return " ".join(text.split()).casefold() in _UNKNOWN


def _plain(text: str) -> str | None:
    """Fold widths, kinds of spaces, apostrophes and minus signs.

    None is an unknown number.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").replace("−", "-").split())
    if is_unknown(plain) or _BOUND.fullmatch(plain) or _RANGE.fullmatch(plain):  # no one number
        return None
    if sum(character.isdigit() for character in plain) > _MAX_DIGITS:
        raise ValueError(f"it has more than {_MAX_DIGITS} digits")
    return plain
