"""The length that the site wants.

Wider than the plan's, which the writer is held to: an outline may miss it too.
"""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.site import Site

from .reading import Reading
from .rule import Rule

_LEAST, _MOST = 0.7, 1.4  # shares of the site's word target
_SHORT = Rule("length.short", Severity.WARNING)
_LONG = Rule("length.long", Severity.WARNING)
RULES = (_SHORT, _LONG)


def check(reading: Reading, site: Site) -> Iterator[Finding]:
    """Yield whether the article is too short or too long."""
    least, most = round(site.profile.word_target * _LEAST), round(site.profile.word_target * _MOST)
    words = reading.words
    if least <= words <= most:
        return
    rule, limit = (_SHORT, least) if words < least else (_LONG, most)
    message = f"the article has {words} words, the site wants {least} to {most}"
    yield rule.found(message, value=words, limit=limit)
