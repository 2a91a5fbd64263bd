"""A text that stages made again, with what people wrote.

No machine's text replaces a person's silently: what people changed stays, or is named as dropped.
"""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from .content import Content, ContentSection
from .finding import Finding, Severity

HEAD = ("title", "description", "og_title", "og_description", "tags", "faq_schema")
"""The fields that stage D makes."""

_OPENING = ("h1", "introduction")
DROPPED = "review.edit_dropped"
DROPPED_VERSION = 1


class Regenerated(BaseModel):
    """The next text.

    Attributes:
        kept: what people wrote and stays: ids of sections, names of fields.
        dropped: the headings of sections that people wrote and that have no place in it.
    """

    model_config = ConfigDict(frozen=True)

    content: Content
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Return what a reviewer has to know of it."""
        return [
            Finding(
                rule=DROPPED,
                rule_version=DROPPED_VERSION,
                severity=Severity.WARNING,
                message=f"a person had written the section {heading!r}; the new outline has no place for it",
                span=heading,
            )
            for heading in self.dropped
        ]


def regenerated(made: Content, *, before: Content, current: Content, replaced: Collection[str] = ()) -> Regenerated:
    """Return what the stages made, with what people changed.

    ``before`` is what the stages had made, ``current`` what it had become: where the two differ, people wrote.
    ``replaced`` are ids of sections and names of fields that are to be the stages', since their change was asked for.
    """
    fields = {
        name: getattr(current, name)
        for name in (*_OPENING, *HEAD)
        if name not in replaced and getattr(current, name) != getattr(before, name)
    }
    if _ids(made) == _ids(before):
        sections, kept, dropped = _in_place(made, before, current, replaced)
    else:
        sections, kept, dropped = _replanned(made, before, current, replaced)
    content = made.model_copy(
        update={
            **fields,
            "sections": tuple(sections),
            "questions": made.questions if made.questions in [section.id for section in sections] else None,
            "offline": made.offline or (current.offline and bool(kept)),
        }
    )
    return Regenerated(content=content, kept=(*fields, *kept), dropped=tuple(dropped))


_Merged = tuple[list[ContentSection], list[str], list[str]]


def _in_place(made: Content, before: Content, current: Content, replaced: Collection[str]) -> _Merged:
    """Return the sections in the order that people gave them.

    Then which of them are theirs, and none that is dropped.
    """
    written, new = _written(before, current, replaced), _by_id(made)
    kept = [section.id for section in current.sections if section.id in written or section.id not in new]
    return [section if section.id in kept else new[section.id] for section in current.sections], kept, []


def _replanned(made: Content, before: Content, current: Content, replaced: Collection[str]) -> _Merged:
    """Return the sections of a new outline.

    Then which were kept, and which headings have no place.
    """
    written, now = _written(before, current, replaced), _by_id(current)
    ids = _ids(made)
    sections = [now[section.id] if section.id in written else section for section in made.sections]
    return (
        sections,
        [id_ for id_ in written if id_ in ids],
        [now[id_].heading for id_ in written if id_ not in ids],
    )


def _written(before: Content, current: Content, replaced: Collection[str]) -> list[str]:
    """Return the ids of sections that people wrote or changed."""
    old = _by_id(before)
    return [section.id for section in current.sections if section.id not in replaced and old.get(section.id) != section]


def _by_id(content: Content) -> dict[str, ContentSection]:
    return {section.id: section for section in content.sections}


def _ids(content: Content) -> set[str]:
    return {section.id for section in content.sections}
