"""Headings, and that something stands below them."""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.longtail import phrase_key
from src.domain.site import Site

from ..fragment import Block, Fragment
from .reading import Reading
from .rule import Rule

_EMPTY_SECTION = Rule("structure.empty_section", Severity.BLOCKING)
_EMPTY_HEADING = Rule("structure.empty_heading", Severity.WARNING)
_HEADING_WITHOUT_TEXT = Rule("structure.heading_without_text", Severity.WARNING)
_SKIPPED_LEVEL = Rule("structure.skipped_level", Severity.WARNING)
_SAME_HEADING = Rule("structure.same_heading", Severity.WARNING)
_NO_QUESTIONS = Rule("structure.no_questions", Severity.WARNING)
RULES = (_EMPTY_SECTION, _EMPTY_HEADING, _HEADING_WITHOUT_TEXT, _SKIPPED_LEVEL, _SAME_HEADING, _NO_QUESTIONS)


def check(reading: Reading, _: Site) -> Iterator[Finding]:
    """Yield what is wrong with headings and sections."""
    if not reading.sections:
        yield _EMPTY_SECTION.found("the article has no section")
    yield from _same_headings(reading)
    for section, fragment in reading.sections:
        if not section.heading.strip():
            yield _HEADING_WITHOUT_TEXT.found("the section's heading is empty", block=section.id)
        if not fragment.text:
            yield _EMPTY_SECTION.found(f"section {section.heading!r} is empty", block=section.id)
    for block, fragment in reading.blocks:
        yield from _headings(block, fragment)
    content = reading.content
    if content.faq_schema and not any(
        section.id == content.questions and it.answers for section, it in reading.sections
    ):
        yield _NO_QUESTIONS.found("questions are to be marked up, and none is visible")


def _same_headings(reading: Reading) -> Iterator[Finding]:
    seen: set[str] = set()
    for section, _ in reading.sections:
        key = phrase_key(section.heading)
        if key and key in seen:
            message = f"the heading {section.heading!r} stands twice"
            yield _SAME_HEADING.found(message, block=section.id, span=section.heading)
        seen.add(key)


def _headings(block: str | None, fragment: Fragment) -> Iterator[Finding]:
    above = 2 if block else 1
    for heading in fragment.headings:
        yield from _heading(heading, above, block)
        above = heading.level
    for text in fragment.empty_headings:
        yield _EMPTY_HEADING.found(f"nothing stands under the heading {text!r}", block=block, span=text)


def _heading(heading: Block, above: int, block: str | None) -> Iterator[Finding]:
    if not heading.text:
        yield _HEADING_WITHOUT_TEXT.found("a heading has no text", block=block)
    if heading.level > above + 1:
        message = f"the heading {heading.text!r} skips a level"
        yield _SKIPPED_LEVEL.found(message, block=block, span=heading.text, value=heading.level, limit=above + 1)
