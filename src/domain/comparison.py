"""Revisions to compare a text with, by names instead of numbers."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from .publishing import PublicationRecord
from .review import Decision, DecisionKind
from .revision import MadeBy, RevisionSummary

_NO_JUDGEMENT = (DecisionKind.EDIT, DecisionKind.SNOOZE)


class Baseline(StrEnum):
    """What a text is compared with, the most useful first."""

    DECISION = "decision"  # what this person last decided on
    REVISION = "revision"  # the one before
    HUMAN = "human"  # the last one that a person made
    LIVE = "live"  # what the target has


def baselines(
    after: int,
    revisions: Sequence[RevisionSummary],
    decisions: Sequence[Decision],
    publications: Sequence[PublicationRecord],
    *,
    by: str,
) -> Mapping[Baseline, int]:
    """Return which revision each name means for revision ``after``.

    Names without one are left out.

    ``revisions`` and ``decisions`` are in their order, of ``publications`` the newest comes first.
    """
    earlier = [each for each in revisions if each.number < after]
    decided = [
        each.revision
        for each in decisions
        if each.by == by and each.kind not in _NO_JUDGEMENT and each.revision < after
    ]
    humans = [each.number for each in earlier if each.made_by is MadeBy.HUMAN]
    live = [each.revision for each in publications if each.status.is_live and each.revision != after]
    found = {
        Baseline.DECISION: decided[-1] if decided else None,
        Baseline.REVISION: earlier[-1].number if earlier else None,
        Baseline.HUMAN: humans[-1] if humans else None,
        Baseline.LIVE: live[0] if live else None,
    }
    return {name: number for name, number in found.items() if number is not None}
