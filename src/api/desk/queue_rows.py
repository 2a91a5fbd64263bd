"""Rows of the queue, as its pages show them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from src.application.approval_effect import ApprovalEffect, effect_of
from src.application.queue import QueuePage
from src.domain.article import ArticleStatus
from src.domain.principal import Principal
from src.domain.site import Site
from src.infrastructure.database.review_queue import QueueRow

from .effect_words import effect_words
from .wording import age


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A text of the queue with its words.

    Attributes:
        effect: what this person's approval does.
        assignee: what he is called.
        reader: what is called who looks at it now.
        findings: shape and words of what was found.
        age: how long it waits.
        is_overdue: it waits for longer than its site's reminder.
    """

    row: QueueRow
    site: Site
    effect: ApprovalEffect
    effect_words: str
    assignee: str | None
    reader: str | None
    findings: tuple[str, str]
    age: str
    is_overdue: bool


def shown_row(found: QueuePage, row: QueueRow, *, by: Principal) -> ShownRow:
    """Return what the template shows of a row."""
    effect = effect_of(
        found.effects[row.site],
        by=by,
        offline=row.offline,
        blocking=row.findings.blocking,
        approved_by=row.approved_by,
    )
    site, waits = found.sites[row.site], datetime.now(UTC) - row.waiting_since
    return ShownRow(
        row=row,
        site=site,
        effect=effect,
        effect_words=effect_words(effect),
        assignee=found.people.get(row.assignee or "", row.assignee),
        reader=found.people.get(row.claimed_by or "", row.claimed_by) if row.last_step else None,
        findings=findings_words(row),
        age=age(row.waiting_since),
        is_overdue=row.status is ArticleStatus.NEEDS_REVIEW and waits > site.review.reminder,
    )


def findings_words(row: QueueRow) -> tuple[str, str]:
    """Return shape and words of what was found."""
    counts = row.findings
    named = [(counts.blocking, "error"), (counts.warning, "warning"), (counts.note, "note")]
    words = ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in named if count)
    if not words:
        return "ok", "none"
    return ("bad" if counts.blocking else "warn" if counts.warning else "off"), words
