"""Cells of the calendar: a slot's figure, colour and words."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from src.application.calendar import CalendarRow, CalendarSlot
from src.domain.scheduling.slot_evidence import Outcome

from .console_words import OUTCOME
from .shell import PATH, with_query
from .troubles import stamp
from .wording import moment

MOST_IN_A_CELL = 3  # slots of a day; more are one figure that leads to them
LEGEND = (
    ("ok", "12", "ran"),
    ("part", "−3", "failed in part"),
    ("bad", "fail", "failed"),
    ("back", "12b", "by backfill"),
    ("gap", "gap", "no run"),
    ("run", "7/12", "running"),
    ("pause", "‖", "paused"),
    ("off", "12", "planned"),
)
"""Kinds of slots: each is a figure too, so that it reads without colour."""
_WORST = ("gap", "bad", "part", "run", "pause", "ok", "back", "off")

_KINDS = {
    Outcome.PARTLY_FAILED: "part",
    Outcome.FAILED: "bad",
    Outcome.STOPPED: "bad",
    Outcome.RUNNING: "run",
    Outcome.PAUSED: "pause",
    Outcome.CANCELLED: "pause",
    Outcome.DUE: "off",
}


class Cell(NamedTuple):
    """What stands in a day of a site."""

    kind: str
    figure: str
    words: str
    href: str
    is_chosen: bool


def kind_of(slot: CalendarSlot) -> str:
    """Return the kind of a slot."""
    if slot.report is None:
        return "pause" if slot.is_paused else "off"
    if slot.report.outcome is Outcome.RAN:
        return "back" if slot.is_backfilled else "ok"
    return _KINDS.get(slot.report.outcome, "gap")


def cells(row: CalendarRow, day: object, *, month: str, chosen: datetime | None) -> list[Cell]:
    """Return the cells of a day.

    One for each slot, unless they are many.
    """
    slots = [slot for slot in row.slots if slot.day == day]
    if len(slots) <= MOST_IN_A_CELL:
        return [_cell(slot, row, month=month, chosen=chosen) for slot in slots]
    kind = min((kind_of(slot) for slot in slots), key=_WORST.index)
    href = with_query(f"{PATH}/calendar", month=month, site=row.site.slug, day=str(day))
    worst = sum(kind_of(slot) == kind for slot in slots)
    return [Cell(kind, f"{len(slots)}×", f"{len(slots)} slots, {worst} of the worst kind", href, is_chosen=False)]


def count_kinds(rows: Sequence[CalendarRow]) -> Counter[str]:
    """Return how many slots there are of each kind."""
    return Counter(kind_of(slot) for row in rows for slot in row.slots)


def word_of(slot: CalendarSlot) -> tuple[str, str]:
    """Return the state of a slot: its shape and its word."""
    if slot.report is None:
        return ("pause", "Paused") if slot.is_paused else ("off", "Planned")
    if slot.is_backfilled and slot.report.outcome is Outcome.RAN:
        return "ok", "Backfilled"
    return OUTCOME[slot.report.outcome]


def _cell(slot: CalendarSlot, row: CalendarRow, *, month: str, chosen: datetime | None) -> Cell:
    when = moment(slot.slot, row.zone).striptags()
    words = f"{row.site.name}, {when}: {word_of(slot)[1].lower()}"
    href = with_query(f"{PATH}/calendar", month=month, site=row.site.slug, slot=stamp(slot.slot))
    return Cell(kind_of(slot), _figure(slot), words, href, slot.slot == chosen)


def _figure(slot: CalendarSlot) -> str:
    kind, batch = kind_of(slot), slot.batch
    if kind == "off":
        return str(slot.articles) if slot.articles is not None else "due"
    if kind in ("gap", "pause"):
        return {"gap": "gap", "pause": "‖"}[kind]
    if batch is None:
        return "…" if kind == "run" else "fail"
    if kind == "run":
        return f"{batch.total - batch.under_way}/{batch.total}"
    if kind in ("part", "bad"):
        return f"−{batch.failed}" if batch.failed else "fail"
    return f"{batch.needs_review}{'b' if kind == 'back' else ''}"
