"""The keyword is in the text, and not too often."""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.site import Site

from ..wording import MOST_OF_KEYWORD, coverage, most_natural, occurrences
from .reading import Reading
from .rule import Rule

_ABSENT = Rule("keyword.absent", Severity.WARNING)
_DENSE = Rule("keyword.dense", Severity.WARNING)
RULES = (_ABSENT, _DENSE)


def check(reading: Reading, _: Site) -> Iterator[Finding]:
    """Yield whether the keyword is missing, or stuffed."""
    keyword = reading.content.keyword
    share = coverage(reading.text, keyword)
    if share < MOST_OF_KEYWORD:
        yield _ABSENT.found(f"the keyword {keyword!r} does not appear", value=share, limit=MOST_OF_KEYWORD)
        return
    most = most_natural(keyword, reading.words)
    count = occurrences(reading.text, keyword)
    if most is not None and count > most:
        message = f"the keyword appears {count} times in {reading.words} words, at most {most} read naturally"
        yield _DENSE.found(message, span=keyword, value=count, limit=most)
