"""A comparison as a person reads it.

That is what changes in each block, what moved, and what is folded.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from markupsafe import Markup

from src.domain.difference import Difference, Hunk, HunkKind
from src.rendering.sanitiser import sanitised_marks

_LINES = {
    "title": "Title in search results",
    "description": "Description in search results",
    "h1": "Title of the page",
    "og_title": "Title when shared",
    "og_description": "Description when shared",
    "tags": "Tags",
}
_KINDS = {
    HunkKind.LINE: "a line",
    HunkKind.FACTS: "facts of the site and mark-up",
    HunkKind.ORDER: "order of the sections",
    HunkKind.SECTION_ADDED: "section added",
    HunkKind.SECTION_REMOVED: "section removed",
    HunkKind.HEADING: "heading",
    HunkKind.INTRODUCTION: "introduction",
    HunkKind.BLOCKS: "text",
}
_WHOLE = (HunkKind.LINE, HunkKind.FACTS, HunkKind.ORDER)  # of no section: always unfolded


@dataclass(frozen=True)
class Move:
    """A section that stands elsewhere now."""

    heading: str
    is_up: bool
    was_after: str | None


@dataclass(frozen=True)
class Block:
    """A hunk as the page shows it.

    Attributes:
        html: both texts, marked, through the sanitiser.
        is_accepted: what is chosen for it.
        is_folded: this person has seen the section as it is.
    """

    hunk: Hunk
    title: str
    kind: str
    html: Markup
    moves: tuple[Move, ...]
    is_accepted: bool
    is_folded: bool


def blocks_of(
    difference: Difference, headings: Mapping[str, str], *, unseen: Collection[str] | None, rejected: Collection[str]
) -> list[Block]:
    """Return the hunks in their order; ``unseen`` None unfolds all."""
    return [_block(hunk, headings, unseen, rejected) for hunk in difference.hunks]


def moves_of(before: Sequence[str], after: Sequence[str]) -> list[Move]:
    """Return the fewest sections whose moves make the later order."""
    kept: set[str] = set()
    for match in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        kept |= set(before[match.a : match.a + match.size])
    moved = [heading for heading in after if heading not in kept]
    return [
        Move(
            heading=heading,
            is_up=after.index(heading) < before.index(heading),
            was_after=before[before.index(heading) - 1] if before.index(heading) else None,
        )
        for heading in moved
        if heading in before
    ]


def _block(hunk: Hunk, headings: Mapping[str, str], unseen: Collection[str] | None, rejected: Collection[str]) -> Block:
    moves: list[Move] = []
    if hunk.kind is HunkKind.ORDER:
        moves = moves_of((hunk.before or "").split("\n"), (hunk.after or "").split("\n"))
    place = "" if hunk.kind is HunkKind.INTRODUCTION else hunk.place
    return Block(
        hunk=hunk,
        title=_title(hunk, headings),
        kind=_KINDS[hunk.kind],
        html=Markup(sanitised_marks(hunk.marked)),  # noqa: S704 - just sanitised
        moves=tuple(moves),
        is_accepted=hunk.id not in rejected,
        is_folded=unseen is not None and hunk.kind not in _WHOLE and place in headings and place not in unseen,
    )


def _title(hunk: Hunk, headings: Mapping[str, str]) -> str:
    if hunk.kind is HunkKind.LINE:
        return _LINES.get(hunk.place, hunk.place)
    if hunk.kind in (HunkKind.FACTS, HunkKind.ORDER):
        return "The whole page"
    if hunk.kind is HunkKind.INTRODUCTION:
        return headings.get("", "Introduction")
    return headings.get(hunk.place, "A section that is gone")
