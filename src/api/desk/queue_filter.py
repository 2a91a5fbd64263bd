"""The queue's filter in an address: read, written, and worded as chips.

Pages of one article keep it as ``?in=`` with the written query, so that next and previous are those of the list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError

from src.domain.errors import InputInvalid
from src.domain.queue import ME, NOBODY, Found, QueueFilter, Tab
from src.domain.site import Site

from .wording import duration

LIST = "/desk/queue"
_NAMES = {
    "state": "tab",
    "q": "words",
    "site": "site",
    "batch": "batch",
    "lang": "language",
    "colour": "colour",
    "findings": "findings",
    "score": "score_from",
    "who": "who",
    "claimed": "claimed",
    "snoozed": "snoozed",
    "sort": "sort",
}
"""The name of each field in the address; ``age`` is of two."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_AGE = re.compile(r"(?:(\d{1,4})([mhd]))?-(?:(\d{1,4})([mhd]))?")
_FLAGS = {"yes": True, "no": False}
_LONGEST = 1_000  # characters of a written filter


@dataclass(frozen=True)
class Chip:
    """A condition in words, and the address without it."""

    words: str
    address: str


def read_filter(query: Mapping[str, str]) -> QueueFilter:
    """Return the filter of an address; names unknown are left out.

    Raises InputInvalid for a value that is none.
    """
    given: dict[str, Any] = {
        field: query[name].strip() for name, field in _NAMES.items() if query.get(name, "").strip() not in ("", "0")
    }
    for flag in ("claimed", "snoozed"):
        if flag in given:
            given[flag] = _FLAGS.get(given[flag], given[flag])
    if age := query.get("age", "").strip():
        given |= _waits(age)
    try:
        return QueueFilter.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "age"
        name = next((name for name, each in _NAMES.items() if each == field), "age")
        raise InputInvalid(name, query.get(name, "")[:80], first["msg"], reason="unknown") from error


def read_inside(text: str | None) -> QueueFilter:
    """Return the filter that ``?in=`` carries; None: the plain queue.

    Raises InputInvalid.
    """
    return read_filter(dict(parse_qsl((text or "")[:_LONGEST])))


def query_of(wanted: QueueFilter, **changes: Any) -> str:  # noqa: ANN401 - a field's value
    """Return the filter as a query, these fields changed.

    That of the plain queue is empty.
    """
    changed = wanted.model_copy(update=changes)
    plain, pairs = QueueFilter(), []
    for name, field in _NAMES.items():
        value = getattr(changed, field)
        if value != getattr(plain, field):
            pairs.append((name, ("yes" if value else "no") if isinstance(value, bool) else str(value)))
    if changed.waits_from is not None or changed.waits_to is not None:
        pairs.append(("age", f"{_length(changed.waits_from)}-{_length(changed.waits_to)}"))
    return urlencode(pairs)


def address_of(wanted: QueueFilter, **changes: Any) -> str:  # noqa: ANN401 - likewise
    """Return the list's address with the filter, some fields changed."""
    query = query_of(wanted, **changes)
    return f"{LIST}?{query}" if query else f"{LIST}?state={Tab.NEEDS_REVIEW}"  # the bare one opens the last filter


def inside(wanted: QueueFilter) -> str:
    """Return the query of an article's page within the filter."""
    return urlencode({"in": query_of(wanted)})


def chips(wanted: QueueFilter, sites: Mapping[str, Site], batch: str | None = None) -> list[Chip]:
    """Return the conditions as chips; ``batch`` is its name in words."""
    site = sites.get(wanted.site or "")
    words: dict[str, str] = {
        "words": f"words: {wanted.words}",
        "site": f"site: {site.name if site else wanted.site}",
        "batch": f"batch: {batch or str(wanted.batch)[:8]}",
        "language": f"language: {wanted.language}",
        "colour": f"workers: {wanted.colour}",
        "waits_from": f"age: over {duration(wanted.waits_from)}",
        "waits_to": f"age: under {duration(wanted.waits_to)}",
        "findings": _FOUND.get(wanted.findings, "") if wanted.findings else "",
        "score_from": f"score: {wanted.score_from} or more",
        "who": f"assignee: {_WHO.get(wanted.who or '', wanted.who)}",
        "claimed": "somebody reads it" if wanted.claimed else "nobody reads it",
    }
    set_ = [field for field in words if getattr(wanted, field) is not None]
    shown = [Chip(words[field], address_of(wanted, **{field: None})) for field in set_]
    return [*shown, Chip("with those put off", address_of(wanted, snoozed=False))] if wanted.snoozed else shown


_FOUND = {Found.NONE: "no findings", Found.SOME: "with findings", Found.BLOCKING: "with errors"}
_WHO = {ME: "me", NOBODY: "nobody"}


def _waits(age: str) -> dict[str, timedelta]:
    match = _AGE.fullmatch(age)
    if match is None:
        raise InputInvalid("age", age[:80], "write a range such as 4h-, -3d or 4h-3d", reason="unknown")
    least, its_unit, most, most_unit = match.groups()
    bounds = {"waits_from": (least, its_unit), "waits_to": (most, most_unit)}
    return {name: timedelta(**{_UNITS[unit]: int(count)}) for name, (count, unit) in bounds.items() if count}


def _length(wait: timedelta | None) -> str:
    if wait is None:
        return ""
    minutes = round(wait.total_seconds() / 60)
    if minutes % 1_440 == 0:
        return f"{minutes // 1_440}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
