"""A rule: its id, its version and how much it weighs.

The version is raised when the rule finds something else in the same text.
"""

from dataclasses import dataclass

from src.domain.finding import Finding, Severity

_LONGEST_SPAN = 200  # characters of a text that a finding quotes


@dataclass(frozen=True)
class Rule:
    """A rule of a family."""

    id: str
    severity: Severity
    version: int = 1

    def found(
        self,
        message: str,
        *,
        block: str | None = None,
        span: str | None = None,
        value: float | None = None,
        limit: float | None = None,
    ) -> Finding:
        """Return a finding of this rule."""
        return Finding(
            rule=self.id,
            rule_version=self.version,
            severity=self.severity,
            message=message,
            block=block,
            span=span[:_LONGEST_SPAN] if span else None,
            value=value,
            limit=limit,
        )
