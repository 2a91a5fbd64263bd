"""What the desk says of a decision that was made."""

from src.application.decisions import Decided
from src.domain.ids import ArticleId
from src.domain.publishing import PublicationStatus
from src.domain.review import DecisionKind

from .effect_words import clock
from .notices import LONGEST_PATH, Notice
from .shell import PATH, with_query

_LONGEST_KEYWORD = 120  # characters of it in a notice
_HEADS = {
    DecisionKind.APPROVE: "Approved",
    DecisionKind.REQUEST_CHANGES: "Sent back",
    DecisionKind.REJECT: "Rejected",
    DecisionKind.SNOOZE: "Put off",
    DecisionKind.PARK: "Parked",
    DecisionKind.RESTORE: "Waits again",
    DecisionKind.WITHDRAW: "Withdrawn",
}
_FOLLOWS = {
    DecisionKind.REQUEST_CHANGES: "is written again; its next revision comes back to the queue.",
    DecisionKind.PARK: "is out of the queue until somebody restores it.",
    DecisionKind.RESTORE: "waits for a decision again.",
    DecisionKind.WITHDRAW: "is not approved any more; a page of it is taken off.",
}
_UNDONE = (DecisionKind.APPROVE, DecisionKind.REQUEST_CHANGES, DecisionKind.SNOOZE, DecisionKind.PARK)


def decided_notice(decided: Decided, keyword: str, zone: str, inside: str = "") -> Notice:
    """Return what happened, with the undoing where there is one."""
    article, number = decided.decision.article_id, decided.decision.number
    kind = decided.decision.kind
    return Notice(
        head=_HEADS[kind],
        text=f"“{shortened(keyword)}” {_follows(decided, zone)}",
        undo=undo_address(article, number, inside) if kind in _UNDONE else None,
        link=f"{PATH}/articles/{article}",
    )


def undo_address(article: ArticleId, number: int, inside: str = "") -> str:
    """Return where undoing this decision is asked for.

    It leads back into the filter in which it was made.
    """
    path = f"{PATH}/articles/{article}/undo"
    address = with_query(path, **{"n": number, "in": inside or None})
    return address if len(address) <= LONGEST_PATH else with_query(path, n=number)


def shortened(keyword: str) -> str:
    """Return a keyword that fits into a sentence."""
    return keyword if len(keyword) <= _LONGEST_KEYWORD else f"{keyword[: _LONGEST_KEYWORD - 1]}…"


def _follows(decided: Decided, zone: str) -> str:
    decision = decided.decision
    if decision.kind is DecisionKind.APPROVE:
        return _published(decided, zone)
    if decision.kind is DecisionKind.SNOOZE and decision.until:
        return f"comes back at {clock(decision.until, zone)}."
    return _FOLLOWS.get(decision.kind, "is closed.")


def _published(decided: Decided, zone: str) -> str:
    if decided.approvals_missing:
        return f"needs {decided.approvals_missing} more approval."
    if decided.publication and decided.publication.status is PublicationStatus.SCHEDULED:
        return f"goes live at {clock(decided.publication.due_at, zone)}."
    if decided.publication:
        return "is live."
    if decided.not_published:
        return f"is approved and not published: {decided.not_published.message}."
    return "waits for publication."
