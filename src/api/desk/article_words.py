"""Words of an article's page for revisions, decisions and comparisons."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from src.domain.comparison import Baseline
from src.domain.finding import RevisionFinding
from src.domain.review import ChangeReason, Decision, DecisionKind, RejectReason, WithdrawReason
from src.domain.revision import MadeBy, RevisionSummary

from .decision_form import CHANGES, REJECTIONS, WITHDRAWALS
from .wording import ARTICLE, SEVERITY

BASELINES: dict[Baseline, str] = {
    Baseline.DECISION: "Last decision",
    Baseline.REVISION: "Last revision",
    Baseline.HUMAN: "Last by a person",
    Baseline.LIVE: "Live page",
}
_DECIDED: dict[DecisionKind, str] = {
    DecisionKind.APPROVE: "approved",
    DecisionKind.REQUEST_CHANGES: "asked for changes in",
    DecisionKind.REJECT: "rejected",
    DecisionKind.EDIT: "edited",
    DecisionKind.SNOOZE: "put off",
    DecisionKind.WITHDRAW: "withdrew",
    DecisionKind.RESTORE: "restored",
    DecisionKind.PARK: "parked",
}


def maker(revision: RevisionSummary) -> str:
    """Return who made a revision."""
    return revision.author or "" if revision.made_by is MadeBy.HUMAN else "the writer"


def decided_words(decision: Decision) -> str:
    """Return a decision in words: "asked for changes in r2 (tone)"."""
    why = _why(decision)
    return f"{_DECIDED[decision.kind]} r{decision.revision}" + (f" ({why})" if why else "")


def story(decisions: list[Decision], revisions: list[RevisionSummary], me: str) -> str:
    """Return what happened to the text in one sentence.

    It is empty if nothing did.
    """
    judged = [each for each in decisions if each.kind is not DecisionKind.EDIT]
    if not judged:
        return ""
    last = judged[-1]
    told = [f"{'You' if last.by == me else last.by} {decided_words(last)}"]
    told += [
        f"{'you' if each.author == me else each.author} edited r{each.number}"
        if each.made_by is MadeBy.HUMAN
        else f"the writer answered with r{each.number}"
        for each in revisions
        if each.number > last.revision
    ]
    return ", ".join(told) + "."


def finding_state(finding: RevisionFinding) -> tuple[str, str]:
    """Return shape and word of a finding, with its number."""
    shape, word = SEVERITY[finding.severity]
    return ("ok", f"{finding.number + 1} Waived") if finding.waived_at else (shape, f"{finding.number + 1} {word}")


def measured(value: float | None) -> str:
    """Return what a rule measured, without needless digits."""
    return "" if value is None else f"{value:g}"


def _why(decision: Decision) -> str:
    if decision.reason is None:
        return ""
    match decision.kind:
        case DecisionKind.REQUEST_CHANGES:
            return CHANGES[ChangeReason(decision.reason)]
        case DecisionKind.REJECT:
            return REJECTIONS[RejectReason(decision.reason)]
        case DecisionKind.WITHDRAW:
            return WITHDRAWALS[WithdrawReason(decision.reason)]
        case _:
            return decision.reason


def queries(inside: str) -> Callable[..., str]:
    """Return what writes queries of an article's addresses.

    They keep the filter in which it is read.
    """

    def query(**more: str | int | None) -> str:
        given = {name: str(value) for name, value in {**more, "in": inside or None}.items() if value is not None}
        return f"?{urlencode(given)}" if given else ""

    return query


ARTICLE_WORDS: dict[str, Any] = {
    "article_words": ARTICLE,
    "baseline_words": BASELINES,
    "maker": maker,
    "decided_words": decided_words,
    "story": story,
    "finding_state": finding_state,
    "measured": measured,
}
