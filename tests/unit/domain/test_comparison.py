"""Names of what a text is compared with, resolved to revisions."""

from typing import Any

import pytest

from src.domain.comparison import Baseline, baselines
from src.domain.publishing import PublicationRecord, PublicationStatus
from src.domain.review import Decision, DecisionKind
from src.domain.revision import MadeBy, RevisionSummary

M, H = MadeBy.MACHINE, MadeBy.HUMAN


def facts(**known: Any) -> Any:
    """Return what the names depend on; the rest is left out."""
    return known


def revisions(*made: MadeBy) -> list[RevisionSummary]:
    return [
        RevisionSummary.model_construct(**facts(number=number, made_by=each))
        for number, each in enumerate(made, start=1)
    ]


def decision(by: str, kind: DecisionKind, revision: int) -> Decision:
    return Decision.model_construct(**facts(by=by, kind=kind, revision=revision))


def published(revision: int, status: PublicationStatus) -> PublicationRecord:
    return PublicationRecord.model_construct(**facts(revision=revision, status=status))


CHANGES, EDIT, SNOOZE = DecisionKind.REQUEST_CHANGES, DecisionKind.EDIT, DecisionKind.SNOOZE
LIVE, GONE = PublicationStatus.VERIFIED, PublicationStatus.TAKEN_OFF


@pytest.mark.parametrize(
    ("after", "made", "decisions", "live", "expected"),
    [
        (1, [M], [], [], {}),
        (2, [M, M], [], [], {Baseline.REVISION: 1}),
        (4, [M, M, H, M], [], [], {Baseline.REVISION: 3, Baseline.HUMAN: 3}),
        (3, [M, M, M], [("ida", CHANGES, 1), ("bob", CHANGES, 2)], [], {Baseline.DECISION: 1, Baseline.REVISION: 2}),
        (3, [M, H, H], [("ida", EDIT, 1), ("ida", SNOOZE, 2)], [], {Baseline.REVISION: 2, Baseline.HUMAN: 2}),
        (2, [M, M], [("ida", CHANGES, 2)], [(2, LIVE)], {Baseline.REVISION: 1}),
        (2, [M, M], [], [(2, GONE), (1, LIVE)], {Baseline.REVISION: 1, Baseline.LIVE: 1}),
        (1, [M, M], [], [(2, LIVE)], {Baseline.LIVE: 2}),
    ],
)
def test_names_mean_revisions(
    after: int, made: list[MadeBy], decisions: list[Any], live: list[Any], expected: dict[Baseline, int]
) -> None:
    known = [decision(*each) for each in decisions]
    assert baselines(after, revisions(*made), known, [published(*each) for each in live], by="ida") == expected
