"""What a rule found in the text of an article."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Severity(StrEnum):
    """How much a finding weighs, the worst first."""

    BLOCKING = "blocking"  # no approval until it is mended, or waived with a reason
    WARNING = "warning"  # a reviewer should look
    NOTE = "note"  # worth knowing


class Finding(BaseModel):
    """A broken rule, and where.

    Attributes:
        rule: its id, ``family.name``.
        block: the id of the section; None: the introduction, the head, or the whole.
        span: the text it is about, as a reader sees it.
        value: what was measured, where the rule has a limit.
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    rule_version: int
    severity: Severity
    message: str
    block: str | None = None
    span: str | None = None
    value: float | None = None
    limit: float | None = None


class RevisionFinding(Finding):
    """A finding of a stored revision, and who waived it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    revision: int
    number: int  # of the finding in its revision, from 0
    waived_by: str | None
    waived_reason: str | None
    waived_at: datetime | None

    @property
    def blocks(self) -> bool:
        """Return whether it stands in the way of an approval."""
        return self.severity is Severity.BLOCKING and self.waived_at is None
