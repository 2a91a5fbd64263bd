"""A person's edit, applied to a text.

What an editor sent back untouched stays the same to the byte.
"""

from collections.abc import Iterable

from src.domain.content import Content, ContentSection
from src.domain.edit import SectionEdit, TextEdit, TextForm
from src.domain.errors import InputInvalid
from src.domain.text import beginning
from src.quality.manuscript import DEEPEST
from src.quality.wording import clean_line, clean_prose, unique

from . import blocks
from .markdown import from_markdown, to_markdown
from .sanitiser import sanitised, well_formed

LONGEST_LINE = 500  # characters of a title, a description, a heading, a tag
LONGEST_TEXT = 200_000  # characters of a section; the longest article has a fifth of it
MOST_TAGS = 20


def edited(content: Content, edit: TextEdit) -> Content:
    """Return the text as the edit makes it.

    Raises InputInvalid for a section that is not there and for texts that are too long or nested too deep.
    """
    ids = {section.id for section in content.sections}
    for unknown in edit.sections.keys() - ids:
        known = ", ".join(sorted(ids))
        raise InputInvalid("sections", beginning(unknown), f"the text has the sections {known}", reason="unknown")
    changes: dict[str, object] = {name: _line(line, name) for name, line in edit.lines.items()}
    if edit.tags is not None:
        changes["tags"] = _tags(edit.tags)
    if edit.introduction is not None:
        changes["introduction"] = _text(content.introduction, edit.introduction, edit.form, "introduction")
    changes["sections"] = tuple(_section(section, edit) for section in content.sections)
    return content.model_copy(update=changes)


def agree(edit: TextEdit, one: Content, other: Content) -> bool:
    """Return whether two texts agree in what the edit changes."""
    return _touched(edit, one) == _touched(edit, other)


def _touched(edit: TextEdit, content: Content) -> list[object]:
    names = [*edit.lines, *(name for name in ("tags", "introduction") if getattr(edit, name) is not None)]
    sections = [section for section in content.sections if section.id in edit.sections]
    return [*(getattr(content, name) for name in names), *sections]


def _section(section: ContentSection, edit: TextEdit) -> ContentSection:
    change = edit.sections.get(section.id, SectionEdit())
    heading = section.heading if change.heading is None else _line(change.heading, f"sections.{section.id}.heading")
    html = section.html
    if change.text is not None:
        html = _text(section.html, change.text, edit.form, f"sections.{section.id}.text")
    return ContentSection(id=section.id, heading=heading, html=html)


def _text(before: str, text: str, form: TextForm, field: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise InputInvalid(field, beginning(text), f"write at most {LONGEST_TEXT:,} characters", reason="too_long")
    if form is TextForm.MARKDOWN:
        lines = clean_prose(text)
        html = before if lines == clean_prose(to_markdown(before)) else from_markdown(lines)
        html = blocks.keep_untouched(before, html, sent=lambda block: from_markdown(clean_prose(to_markdown(block))))
    else:
        html = blocks.keep_untouched(before, sanitised(blocks.regular(well_formed(text))))
    if blocks.same(before, html):
        return before
    if blocks.depth(html) > DEEPEST:
        remedy = f"nest lists, quotes and emphasis at most {DEEPEST} deep"
        raise InputInvalid(field, beginning(text), remedy, reason="too_deep")
    return html


def _line(text: str, field: str) -> str:
    if len(text) > LONGEST_LINE:
        raise InputInvalid(field, beginning(text), f"write at most {LONGEST_LINE} characters", reason="too_long")
    return clean_line(text)


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    cleaned = unique(filter(None, (_line(tag, "tags") for tag in tags)))
    if len(cleaned) > MOST_TAGS:
        raise InputInvalid("tags", len(cleaned), f"give at most {MOST_TAGS}", reason="too_many")
    return tuple(cleaned)
