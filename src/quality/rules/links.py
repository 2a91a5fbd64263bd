"""Articles link where their site allows."""

from collections.abc import Iterator

from src.domain.finding import Finding, Severity
from src.domain.site import Site

from ..article_rules import offered_links
from ..manuscript import parser
from .reading import Reading
from .rule import Rule

_ELSEWHERE = Rule("links.elsewhere", Severity.BLOCKING)
RULES = (_ELSEWHERE,)


def check(reading: Reading, site: Site) -> Iterator[Finding]:
    """Yield each link to an address that the site does not list."""
    allowed = {_address(str(link.url)) for link in offered_links(site)}
    for block, fragment in reading.blocks:
        for href in dict.fromkeys(fragment.links):
            if _address(href) not in allowed:
                message = f"the link to {href[:200]!r} is not among the site's links"
                yield _ELSEWHERE.found(message, block=block, span=href)


def _address(href: str) -> str:
    return parser().normalizeLink(href).rstrip("/")
