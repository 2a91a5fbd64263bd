"""Decisions: the whole table of who may decide what, from where to where, and which approvals count."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from src.domain.article import ArticleStatus
from src.domain.errors import InputInvalid
from src.domain.ids import ArticleId
from src.domain.permissions import ALLOWED, Role
from src.domain.review import (
    LONGEST_NOTE,
    MOVES,
    ChangeReason,
    ChangeRequest,
    Decision,
    DecisionId,
    DecisionKind,
    KeywordAfter,
    RejectReason,
    Verdict,
    approvals_of,
    parse_note,
)
from src.domain.site import ReviewRules
from src.domain.stages import Stage
from tests.factories import a_site

DECISIONS = """
decision         from                                to                 keyword        reason
approve          needs_review                        approved           written        none
request_changes  needs_review                        changes_requested  written        ChangeReason
reject           needs_review                        rejected           written,ready  RejectReason
edit             needs_review,changes_requested,approved,parked  needs_review  written  none
snooze           needs_review                        needs_review       written        none
withdraw         approved                            withdrawn          written        WithdrawReason
restore          changes_requested,parked,withdrawn  needs_review       written        none
park             needs_review                        parked             written        none
"""
REASONS = {
    "structure": "B",
    "missing": "B",
    "angle": "B",
    "facts": "C",
    "tone": "C",
    "wording": "C",
    "length": "C",
    "links": "C",
    "metadata": "D",
    "other": "C",
}
AT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


def decision(kind: DecisionKind, by: str, content_hash: str = "a") -> Decision:
    move = MOVES[kind]
    return Decision(
        id=DecisionId(uuid4()),
        article_id=ArticleId(uuid4()),
        number=1,
        kind=kind,
        by=by,
        at=AT,
        reason=None,
        note=None,
        section=None,
        span=None,
        revision=1,
        from_status=next(iter(move.sources)),
        to_status=move.target,
        from_hash=content_hash,
        to_hash=content_hash,
        keyword=None,
        until=None,
        taken_up_at=None,
        stage_revision=None,
        renderer_version=1,
    )


def test_which_decision_leads_from_where_to_where() -> None:
    rows = []
    for kind, move in MOVES.items():
        sources = ",".join(status.value for status in ArticleStatus if status in move.sources)
        keyword = ",".join(move.keyword)
        rows.append([kind.value, sources, move.target.value, keyword, getattr(move.reasons, "__name__", "none")])
    assert rows == [line.split() for line in DECISIONS.strip().splitlines()[1:]]
    assert set(MOVES) == set(DecisionKind)


@pytest.mark.parametrize("kind", DecisionKind)
def test_no_decision_leads_where_an_article_cannot_go(kind: DecisionKind) -> None:
    assert all(source.may_become(MOVES[kind].target) for source in MOVES[kind].sources)


@pytest.mark.parametrize("kind", DecisionKind)
def test_every_decision_is_an_action_that_only_reviewers_and_above_may_do(kind: DecisionKind) -> None:
    roles = ALLOWED[kind.action]
    assert {Role.PUBLISHER, Role.ADMIN} <= roles <= {Role.REVIEWER, Role.PUBLISHER, Role.ADMIN}
    assert (Role.REVIEWER in roles) is (kind is not DecisionKind.WITHDRAW)


def test_the_reason_decides_what_is_made_again() -> None:
    assert {reason.value: reason.stage.value for reason in ChangeReason} == REASONS


def test_one_section_is_written_again_only_where_the_article_is() -> None:
    assert ChangeRequest(reason=ChangeReason.TONE, section="a").is_section
    assert not ChangeRequest(reason=ChangeReason.TONE).is_section
    assert not ChangeRequest(reason=ChangeReason.STRUCTURE, section="a").is_section
    assert ChangeRequest(reason=ChangeReason.TONE, section="a").replaced == ("a",)
    assert "title" in ChangeRequest(reason=ChangeReason.METADATA).replaced
    assert ChangeRequest(reason=ChangeReason.METADATA).stage is Stage.SEO_METADATA


def test_approvals_count_for_their_bytes_until_another_decision() -> None:
    approve, snooze, restore = DecisionKind.APPROVE, DecisionKind.SNOOZE, DecisionKind.RESTORE
    known = [decision(approve, "anna"), decision(snooze, "bo"), decision(approve, "bo", "b")]
    assert [each.by for each in approvals_of(known, "a")] == ["anna"]
    assert [each.by for each in approvals_of(known, "b")] == ["bo"]
    assert approvals_of([*known, decision(restore, "bo")], "a") == []
    assert [each.by for each in approvals_of([*known, decision(restore, "bo"), decision(approve, "cy")], "a")] == ["cy"]


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "x" * (LONGEST_NOTE + 1)])
def test_a_note_that_nobody_can_read_is_refused(text: str) -> None:
    with pytest.raises(InputInvalid):
        parse_note(text, "note")


def test_a_note_keeps_its_lines_and_loses_what_hides() -> None:
    assert parse_note(" one \u202e\r\n two\n", "note") == "one\ntwo"


def test_a_request_that_says_nothing_is_refused() -> None:
    with pytest.raises(InputInvalid, match="note"):
        Verdict.request_changes(ChangeReason.OTHER)
    assert Verdict.request_changes(ChangeReason.OTHER, note="shorter").note == "shorter"
    assert Verdict.reject(RejectReason.QUALITY, KeywordAfter.LATER).keyword is KeywordAfter.LATER


def test_what_a_site_says_of_reviews() -> None:
    rules = a_site(review={"reminder": "12h", "expiry": "7d", "self_approval": False, "approvals": 2}).review
    assert (rules.reminder, rules.expiry) == (timedelta(hours=12), timedelta(days=7))
    assert ReviewRules.model_validate(rules.model_dump(mode="json")) == rules
    assert a_site().review == ReviewRules()


@pytest.mark.parametrize("review", [{"reminder": 24}, {"reminder": "soon"}, {"reminder": "9d", "expiry": "7d"}])
def test_a_time_without_a_unit_and_a_reminder_too_late_are_refused(review: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unit|reminder"):
        a_site(review=review)
