"""Compares two texts, and takes over some of what differs.

All hunks make the later text, none the earlier one, to the byte.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape

from src.domain.content import Content, ContentSection
from src.domain.difference import Hunk, HunkKind

from . import blocks
from .marks import comparable, marked, marked_text
from .pairs import paired

_LINES = ("title", "description", "h1", "og_title", "og_description", "tags")
_FACTS = (
    *("keyword", "slug", "language", "questions", "faq_schema"),
    *("author", "publisher", "site_name", "home", "offline"),
)
_ID_LENGTH = 16  # hexadecimal digits
_Place = tuple[HunkKind, str]
_INTRODUCTION: _Place = (HunkKind.INTRODUCTION, "introduction")


def compare(before: Content, after: Content) -> list[Hunk]:
    """Return what differs, in the order of the page."""
    return _Comparison(before, after).hunks()


def combine(before: Content, after: Content, accepted: Collection[str]) -> Content:
    """Return ``before`` with the hunks whose ids are ``accepted``; others are left."""
    return _Comparison(before, after).combined(frozenset(accepted))


@dataclass(frozen=True)
class _Run:
    """Blocks of one place on both sides of a change."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    number: int  # within its place

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def old(self) -> str | None:
        return blocks.joined([*self.before]) if self.before else None

    @property
    def new(self) -> str | None:
        return blocks.joined([*self.after]) if self.after else None


class _Comparison:
    def __init__(self, before: Content, after: Content) -> None:
        self._before, self._after = before, after
        self._base = before.hash
        self._old = {section.id: section for section in before.sections}
        self._new = {section.id: section for section in after.sections}
        self._common = [id_ for id_ in self._old if id_ in self._new]
        self._common_later = [id_ for id_ in self._new if id_ in self._old]

    # --- what differs

    def hunks(self) -> list[Hunk]:
        return [*self._lines(), *self._facts(), *self._order(), *self._introduction(), *self._sections()]

    def _lines(self) -> Iterator[Hunk]:
        for name in _LINES:
            old, new = _shown(self._before, name), _shown(self._after, name)
            if getattr(self._before, name) != getattr(self._after, name):
                yield self._hunk(HunkKind.LINE, name, old, new, marks=marked_text(old, new))

    def _facts(self) -> Iterator[Hunk]:
        old, new = _facts(self._before), _facts(self._after)
        if old != new:
            names = [name for name in _FACTS if old[name] != new[name]]
            earlier, later = (
                json.dumps({name: facts[name] for name in names}, ensure_ascii=False) for facts in (old, new)
            )
            yield self._hunk(HunkKind.FACTS, "facts", earlier, later, marks=marked_text(earlier, later))

    def _order(self) -> Iterator[Hunk]:
        if self._common != self._common_later:
            old = "\n".join(self._old[id_].heading for id_ in self._common)
            new = "\n".join(self._new[id_].heading for id_ in self._common_later)
            key = json.dumps([self._common, self._common_later])
            yield self._hunk(HunkKind.ORDER, "sections", old, new, marks=marked_text(old, new), key=key)

    def _introduction(self) -> Iterator[Hunk]:
        yield from self._blocks(_INTRODUCTION, self._before.introduction, self._after.introduction)

    def _sections(self) -> Iterator[Hunk]:
        for id_ in self._new:
            if id_ in self._old:
                yield from self._section(self._old[id_], self._new[id_])
            else:
                html = _whole(self._new[id_])
                yield self._hunk(HunkKind.SECTION_ADDED, id_, None, html, marks=marked("", html))
        for id_ in self._old:
            if id_ not in self._new:
                html = _whole(self._old[id_])
                yield self._hunk(HunkKind.SECTION_REMOVED, id_, html, None, marks=marked(html, ""))

    def _section(self, old: ContentSection, new: ContentSection) -> Iterator[Hunk]:
        if old.heading != new.heading:
            yield self._heading(old, new)
        yield from self._blocks((HunkKind.BLOCKS, old.id), old.html, new.html)

    def _heading(self, old: ContentSection, new: ContentSection) -> Hunk:
        marks = marked_text(old.heading, new.heading)
        return self._hunk(HunkKind.HEADING, old.id, old.heading, new.heading, marks=marks)

    def _blocks(self, where: _Place, old: str, new: str) -> Iterator[Hunk]:
        yield from (self._run(where, run) for run in _runs(old, new) if run.differs)

    def _run(self, where: _Place, run: _Run) -> Hunk:
        marks = marked(run.old or "", run.new or "")
        return self._hunk(*where, run.old, run.new, marks=marks, key=str(run.number))

    def _hunk(
        self, kind: HunkKind, place: str, before: str | None, after: str | None, *, marks: str, key: str = ""
    ) -> Hunk:
        id_ = self._id(kind, place, before, after, key)
        return Hunk(id=id_, base=self._base, kind=kind, place=place, before=before, after=after, marked=marks)

    def _id(self, *what: str | None) -> str:
        return hashlib.sha256(json.dumps([self._base, *what]).encode()).hexdigest()[:_ID_LENGTH]

    # --- what is taken over

    def combined(self, accepted: frozenset[str]) -> Content:
        hunks = self.hunks()
        taken = {(hunk.kind, hunk.place) for hunk in hunks if hunk.id in accepted}
        changes: dict[str, object] = {}
        for name in _LINES:
            if (HunkKind.LINE, name) in taken:
                changes[name] = getattr(self._after, name)
        if (HunkKind.FACTS, "facts") in taken:
            changes |= {name: getattr(self._after, name) for name in _FACTS}
        introductions = self._before.introduction, self._after.introduction
        changes["introduction"] = self._joined(_INTRODUCTION, *introductions, accepted)
        changes["sections"] = tuple(self._section_of(id_, taken, accepted) for id_ in self._ids(taken))
        changes["offline"] = self._offline([hunk.id in accepted for hunk in hunks])
        return self._before.model_copy(update=changes)

    def _ids(self, taken: Collection[_Place]) -> list[str]:
        """Return the sections that stand in the text, in their order."""
        ids = list(self._common_later if (HunkKind.ORDER, "sections") in taken else self._common)
        removed = [id_ for id_ in self._old if id_ not in self._new]
        _insert(ids, [id_ for id_ in removed if (HunkKind.SECTION_REMOVED, id_) not in taken], list(self._old))
        added = [id_ for id_ in self._new if id_ not in self._old]
        _insert(ids, [id_ for id_ in added if (HunkKind.SECTION_ADDED, id_) in taken], list(self._new))
        return ids

    def _section_of(self, id_: str, taken: Collection[_Place], accepted: frozenset[str]) -> ContentSection:
        if id_ not in self._old or id_ not in self._new:
            return self._old.get(id_) or self._new[id_]
        old, new = self._old[id_], self._new[id_]
        heading = new.heading if (HunkKind.HEADING, id_) in taken else old.heading
        html = self._joined((HunkKind.BLOCKS, id_), old.html, new.html, accepted)
        return ContentSection(id=id_, heading=heading, html=html)

    def _joined(self, where: _Place, old: str, new: str, accepted: frozenset[str]) -> str:
        sides = [
            run.after if run.differs and self._id(*where, run.old, run.new, str(run.number)) in accepted else run.before
            for run in _runs(old, new)
        ]
        return blocks.joined([block for side in sides for block in side])

    def _offline(self, accepted: Sequence[bool]) -> bool:
        """Return whether a part may be the offline writer's: nobody chooses that."""
        if all(accepted):
            return self._after.offline
        return self._before.offline or (any(accepted) and self._after.offline)


def _runs(old: str, new: str) -> list[_Run]:
    """Return both sides block by block; joined, each side is its fragment."""
    before, after = _regular_blocks(old), _regular_blocks(new)
    if not comparable(before, after):
        before, after = ([html] if html else [] for html in (old, new))
    runs: list[tuple[tuple[str, ...], tuple[str, ...]]] = []
    for change, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if change == "equal":
            runs += [((one,), (one,)) for one in before[i:i_end]]
        else:
            runs += paired(before[i:i_end], after[j:j_end])
    return [_Run(one, other, number) for number, (one, other) in enumerate(runs)]


def _regular_blocks(html: str) -> list[str]:
    """Return the blocks.

    All are one where joining them would make another fragment."""
    found = blocks.split(html)
    if blocks.joined(found) == html:
        return found
    return [html]


def _insert(ids: list[str], more: Sequence[str], order: Sequence[str]) -> None:
    """Insert each id behind the nearest one before it in ``order``."""
    for id_ in more:
        before = [other for other in order[: order.index(id_)] if other in ids]
        ids.insert(ids.index(before[-1]) + 1 if before else 0, id_)


def _whole(section: ContentSection) -> str:
    return f"<h3>{escape(section.heading)}</h3>\n{section.html}"


def _shown(content: Content, name: str) -> str:
    value = getattr(content, name)
    return value if isinstance(value, str) else ", ".join(value)


def _facts(content: Content) -> Mapping[str, object]:
    return content.model_dump(mode="json", include=set(_FACTS))
