"""Words that must not stand in an article, and its language."""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.site import Site

from ..language import is_in
from ..wording import banned_terms, found_leftovers, visible_tags, without
from .reading import Reading
from .rule import Rule

_LEFTOVER = Rule("text.leftover", Severity.BLOCKING)
_BANNED = Rule("text.banned_term", Severity.BLOCKING)
_TAG = Rule("text.visible_tag", Severity.BLOCKING)
_LANGUAGE = Rule("text.language", Severity.BLOCKING)
RULES = (_LEFTOVER, _BANNED, _TAG, _LANGUAGE)


def check(reading: Reading, site: Site) -> Iterator[Finding]:
    """Yield leftovers, banned terms, visible HTML, and another language.

    Text of the offline writer may be in any language.
    """
    content, keyword = reading.content, reading.content.keyword
    for name, text in reading.head.items():
        yield from _words(text, site, keyword, place=f"the {name}")
    for section, _ in reading.sections:
        yield from _words(section.heading, site, keyword, place="the heading", block=section.id)
    for block, fragment in reading.blocks:
        yield from _words(fragment.text, site, keyword, place="the text", block=block)
        for tag in visible_tags(fragment.texts_with_angles, keyword):
            yield _TAG.found(f"HTML is shown as text: {tag[:60]!r}", block=block, span=tag)
    if not content.offline and not is_in(without(reading.text, keyword), content.language):
        yield _LANGUAGE.found(f"the article is not written in the language {content.language!r}")


def _words(text: str, site: Site, keyword: str, *, place: str, block: str | None = None) -> Iterator[Finding]:
    for name, span in found_leftovers(text, keyword):
        yield _LEFTOVER.found(f"{place} holds {name}: {span[:60]!r}", block=block, span=span)
    for term in banned_terms(text, site.profile.banned_terms, keyword):
        yield _BANNED.found(f"{place} holds the banned term {term!r}", block=block, span=term)
