"""What differs between two texts of an article, part by part."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .revision import RevisionSummary


class HunkKind(StrEnum):
    """What a hunk changes."""

    LINE = "line"  # title, description, h1, tags or another single line
    FACTS = "facts"  # what the site says of itself, and how the page is marked up
    ORDER = "order"  # of the sections that both texts have
    SECTION_ADDED = "section_added"
    SECTION_REMOVED = "section_removed"
    HEADING = "heading"  # of a section
    INTRODUCTION = "introduction"  # paragraphs, lists, tables of it
    BLOCKS = "blocks"  # likewise of a section


class Hunk(BaseModel):
    """One part that differs, taken over or not as a whole.

    Attributes:
        id: names it within the comparison of these two texts.
        base: the hash of the earlier text, to which it applies.
        place: the id of the section, or the name of what changes.
        before: the part in the earlier text, as text or as sanitised HTML; None where it has none.
        after: the part in the later text, likewise.
        marked: both as sanitised HTML, with ``ins`` and ``del`` around what differs.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    base: str
    kind: HunkKind
    place: str
    before: str | None
    after: str | None
    marked: str


class Difference(BaseModel):
    """Two revisions and what differs between them."""

    model_config = ConfigDict(frozen=True)

    before: RevisionSummary
    after: RevisionSummary
    hunks: list[Hunk]  # in the order of the page
