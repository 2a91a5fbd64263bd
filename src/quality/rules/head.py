"""Title and description, as search results show them.

Their limits follow where Google cuts.
"""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.longtail import phrase_key
from src.domain.site import Site

from ..wording import mentions
from .reading import Reading
from .rule import Rule

LONGEST_TITLE = 60
_MISSING = Rule("head.missing", Severity.BLOCKING)
_LENGTHS = {
    "title": (Rule("head.title_length", Severity.WARNING), 30, LONGEST_TITLE),
    "description": (Rule("head.description_length", Severity.WARNING), 70, 160),
}
_KEYWORD = Rule("head.title_without_keyword", Severity.WARNING)
_SAME = Rule("head.description_repeats_title", Severity.WARNING)
RULES = (_MISSING, *(rule for rule, _, _ in _LENGTHS.values()), _KEYWORD, _SAME)


def check(reading: Reading, _: Site) -> Iterator[Finding]:
    """Yield what title, description and h1 lack."""
    content = reading.content
    texts = {"h1": content.h1, "title": content.title, "description": content.description}
    yield from (_MISSING.found(f"there is no {name}") for name, text in texts.items() if not text.strip())
    for name, (rule, least, most) in _LENGTHS.items():
        length = len(texts[name])
        if length and not least <= length <= most:
            limit = least if length < least else most
            message = f"the {name} has {length} characters, {least} to {most} are shown well"
            yield rule.found(message, span=texts[name], value=length, limit=limit)
    if not mentions(content.title, content.keyword, room=LONGEST_TITLE):
        yield _KEYWORD.found(f"the title does not contain the keyword {content.keyword!r}", span=content.title)
    if content.title and phrase_key(content.title) == phrase_key(content.description):
        yield _SAME.found("title and description say the same", span=content.title)
