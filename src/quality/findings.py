"""Checks a finished text, of a machine or a person.

What a reviewer is shown and what blocks an approval. Rules come in families; a new one is a module here.
"""

from src.domain.content import Content
from src.domain.finding import Finding, Severity
from src.domain.site import Site

from .rules import head, keyword, length, links, structure, text
from .rules.reading import Reading

_FAMILIES = (head, structure, text, keyword, length, links)
RULES = tuple(rule for family in _FAMILIES for rule in family.RULES)
_WEIGHT = {severity: weight for weight, severity in enumerate(Severity)}


def check(content: Content, site: Site) -> list[Finding]:
    """Return what the rules find in ``content``, the worst first."""
    reading = Reading(content)
    found = [finding for family in _FAMILIES for finding in family.check(reading, site)]
    return sorted(found, key=lambda finding: _WEIGHT[finding.severity])
