"""Reviews: what people decide about a finished text, and why.

Every decision is bound to the bytes it was made on, by their hash. What an article may become lies in
``domain.article``; this is which decision leads where, and what becomes of the keyword.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from .article import ArticleRef, ArticleStatus
from .errors import InputInvalid
from .hold import HoldState
from .ids import ArticleId
from .longtail import LongtailStatus
from .permissions import Action
from .regeneration import HEAD
from .stages import Stage
from .text import beginning, visible

LONGEST_NOTE = 2000  # characters of a note, a comment or a quoted span
DecisionId = NewType("DecisionId", UUID)
CommentId = NewType("CommentId", UUID)


class DecisionKind(StrEnum):
    """What a person can decide about a text.

    The timer of a review parks too.
    """

    APPROVE = "approve"  # the first of two leaves the article where it is
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"
    EDIT = "edit"  # a person's text is the next revision
    SNOOZE = "snooze"
    WITHDRAW = "withdraw"
    RESTORE = "restore"
    PARK = "park"

    @property
    def action(self) -> Action:
        """Return what the person must be allowed to do."""
        return Action(f"review.{self.value.replace('_', ' ')}")


class ChangeReason(StrEnum):
    """Why a text is to be changed."""

    STRUCTURE = "structure"
    MISSING = "missing"
    ANGLE = "angle"
    FACTS = "facts"
    TONE = "tone"
    WORDING = "wording"
    LENGTH = "length"
    LINKS = "links"
    METADATA = "metadata"
    OTHER = "other"

    @property
    def stage(self) -> Stage:
        """Return the first stage that makes the text again."""
        return _CHANGES[self][0]

    @property
    def words(self) -> str:
        """Return the reason as a model is told it."""
        return _CHANGES[self][1]


_CHANGES = {
    ChangeReason.STRUCTURE: (Stage.OUTLINE, "the sections or their order do not serve the reader"),
    ChangeReason.MISSING: (Stage.OUTLINE, "something is missing that a reader needs"),
    ChangeReason.ANGLE: (Stage.OUTLINE, "the article answers another question than the searcher's"),
    ChangeReason.FACTS: (Stage.ARTICLE, "a statement is wrong, or nothing supports it"),
    ChangeReason.TONE: (Stage.ARTICLE, "the tone does not fit the site"),
    ChangeReason.WORDING: (Stage.ARTICLE, "the wording is clumsy or hard to follow"),
    ChangeReason.LENGTH: (Stage.ARTICLE, "it is too long or too short"),
    ChangeReason.LINKS: (Stage.ARTICLE, "links are missing or lead to the wrong place"),
    ChangeReason.METADATA: (Stage.SEO_METADATA, "title, description or tags do not fit the article"),
    ChangeReason.OTHER: (Stage.ARTICLE, "see the note"),
}


class RejectReason(StrEnum):
    """Why a text is never published."""

    OFF_TOPIC = "off_topic"
    DUPLICATE = "duplicate"
    QUALITY = "quality"
    LEGAL = "legal"
    KEYWORD = "keyword"  # the keyword is no topic of the site
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why an approval is taken back."""

    ERROR = "error"
    OUTDATED = "outdated"
    LEGAL = "legal"
    MISTAKE = "mistake"  # the approval was one
    OTHER = "other"


class KeywordAfter(StrEnum):
    """What becomes of the keyword of a rejected article."""

    LATER = "later"  # ready, behind all others
    NEVER = "never"

    @property
    def status(self) -> LongtailStatus:
        """Return the status of the longtail."""
        return LongtailStatus.READY if self is KeywordAfter.LATER else LongtailStatus.WRITTEN


@dataclass(frozen=True)
class Move:
    """One kind of decision: from where to where.

    Attributes:
        keyword: what the longtail may become; the statuses of the article's new status.
        reasons: the codes of which one must be given; None: it takes none.
    """

    sources: frozenset[ArticleStatus]
    target: ArticleStatus
    reasons: type[StrEnum] | None = None

    @property
    def keyword(self) -> tuple[LongtailStatus, ...]:
        """Return what the longtail may be then, the usual first."""
        return self.target.keyword_statuses


_WAITING = frozenset({ArticleStatus.NEEDS_REVIEW})
MOVES: Mapping[DecisionKind, Move] = {
    DecisionKind.APPROVE: Move(_WAITING, ArticleStatus.APPROVED),
    DecisionKind.REQUEST_CHANGES: Move(_WAITING, ArticleStatus.CHANGES_REQUESTED, ChangeReason),
    DecisionKind.REJECT: Move(_WAITING, ArticleStatus.REJECTED, RejectReason),
    DecisionKind.EDIT: Move(
        frozenset(status for status in ArticleStatus if status.is_editable), ArticleStatus.NEEDS_REVIEW
    ),
    DecisionKind.SNOOZE: Move(_WAITING, ArticleStatus.NEEDS_REVIEW),
    DecisionKind.WITHDRAW: Move(frozenset({ArticleStatus.APPROVED}), ArticleStatus.WITHDRAWN, WithdrawReason),
    DecisionKind.RESTORE: Move(
        frozenset({ArticleStatus.PARKED, ArticleStatus.WITHDRAWN, ArticleStatus.CHANGES_REQUESTED}),
        ArticleStatus.NEEDS_REVIEW,
    ),
    DecisionKind.PARK: Move(_WAITING, ArticleStatus.PARKED),
}
"""Which decision leads from where to where."""

KEEPS_APPROVALS = frozenset({DecisionKind.APPROVE, DecisionKind.SNOOZE})
"""After any other decision all approvals have to be given anew."""


class Verdict(BaseModel):
    """What somebody decides, before anybody has checked whether he may.

    Attributes:
        reason: a code, one of the kind's reasons.
        section: the id of the section that it is about.
        span: words of the text that it is about.
        keyword: of a rejection, what becomes of the keyword.
        until: of a snooze, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    kind: DecisionKind
    reason: str | None = None
    note: str | None = None
    section: str | None = None
    span: str | None = None
    keyword: KeywordAfter | None = None
    until: datetime | None = None

    @classmethod
    def approve(cls, *, note: str | None = None) -> Self:
        """Return an approval."""
        return cls(kind=DecisionKind.APPROVE, note=_note(note))

    @classmethod
    def request_changes(
        cls, reason: ChangeReason, *, note: str | None = None, section: str | None = None, span: str | None = None
    ) -> Self:
        """Return a request for changes. Raises InputInvalid for one that says nothing."""
        words = _note(note)
        if reason is ChangeReason.OTHER and words is None:
            raise InputInvalid("note", note, "say what is to be changed, or give a reason other than other")
        kind = DecisionKind.REQUEST_CHANGES
        return cls(kind=kind, reason=reason, note=words, section=section, span=_note(span, "span"))

    @classmethod
    def reject(cls, reason: RejectReason, keyword: KeywordAfter, *, note: str | None = None) -> Self:
        """Return a rejection, and what becomes of the keyword."""
        return cls(kind=DecisionKind.REJECT, reason=reason, keyword=keyword, note=_note(note))

    @classmethod
    def snooze(cls, until: datetime, *, note: str | None = None) -> Self:
        """Return a snooze until that time (UTC)."""
        return cls(kind=DecisionKind.SNOOZE, until=until, note=_note(note))

    @classmethod
    def withdraw(cls, reason: WithdrawReason, *, note: str | None = None) -> Self:
        """Return a withdrawal of an approval."""
        return cls(kind=DecisionKind.WITHDRAW, reason=reason, note=_note(note))

    @classmethod
    def restore(cls, *, note: str | None = None) -> Self:
        """Return a text to those that await a decision."""
        return cls(kind=DecisionKind.RESTORE, note=_note(note))

    @classmethod
    def park(cls, *, note: str | None = None) -> Self:
        """Put a text aside until somebody restores it."""
        return cls(kind=DecisionKind.PARK, note=_note(note))

    def is_of(self, decision: "Decision") -> bool:
        """Return whether the decision says exactly this."""
        return self == type(self).model_validate(decision.model_dump(include=set(type(self).model_fields)))


class Decision(BaseModel):
    """One decision, as it was made.

    Attributes:
        number: counts the article's decisions, from 1.
        by: a person; of the timer a worker.
        section: the id of the section that it is about.
        span: words of the text that it is about.
        revision: that it was made on.
        keyword: of a rejection, what becomes of the keyword.
        taken_up_at: when the review's workflow took it up.
        stage_revision: of a request for changes, the one that makes them.
        renderer_version: of the code that showed the page; None: an earlier version did not note it.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: DecisionId
    article_id: ArticleId
    number: int
    kind: DecisionKind
    by: str
    at: datetime
    reason: str | None
    note: str | None
    section: str | None
    span: str | None
    revision: int
    from_status: ArticleStatus
    to_status: ArticleStatus
    from_hash: str
    to_hash: str
    keyword: KeywordAfter | None
    until: datetime | None
    taken_up_at: datetime | None
    stage_revision: int | None
    renderer_version: int | None


def approvals_of(decisions: Sequence[Decision], content_hash: str) -> list[Decision]:
    """Return the approvals of these bytes that still count.

    ``decisions`` are all of the article, the oldest first.
    """
    counting: list[Decision] = []
    for decision in decisions:
        if decision.kind not in KEEPS_APPROVALS:
            counting = []
        elif decision.kind is DecisionKind.APPROVE and decision.from_hash == content_hash:
            counting.append(decision)
    return counting


class ChangeRequest(BaseModel):
    """What a reviewer wants changed, as the stages are told.

    Attributes:
        section: its id; None: it is about the whole.
        span: the words that it is about.
    """

    model_config = ConfigDict(frozen=True)

    reason: ChangeReason
    note: str | None = None
    section: str | None = None
    span: str | None = None

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Return what a request for changes asks for."""
        return cls.model_validate(
            {"reason": decision.reason, "note": decision.note, "section": decision.section, "span": decision.span}
        )

    @property
    def stage(self) -> Stage:
        """Return the first stage that makes the text again."""
        return self.reason.stage

    @property
    def replaced(self) -> tuple[str, ...]:
        """Return what becomes the stages' though people wrote it: section ids, fields."""
        if self.stage is Stage.SEO_METADATA:
            return HEAD
        return (self.section,) if self.section is not None else ()

    @property
    def is_section(self) -> bool:
        """Return whether one section is written again and nothing else."""
        return self.section is not None and self.stage is Stage.ARTICLE


def parse_note(text: str, field: str) -> str:
    """Return the lines of a note, all visible. Raises InputInvalid."""
    try:
        note = "\n".join(visible(line) for line in text.strip().splitlines())
    except ValueError as error:
        raise InputInvalid(field, beginning(text), str(error)) from error
    if not 0 < len(note) <= LONGEST_NOTE:
        raise InputInvalid(field, beginning(text), f"write 1 to {LONGEST_NOTE} characters")
    return note


def _note(text: str | None, field: str = "note") -> str | None:
    return parse_note(text, field) if text and text.strip() else None


class Review(BaseModel):
    """Where the review of an article stands; rows, and no workflow.

    Attributes:
        waiting_since: since when its newest text awaits a decision.
        claimed_by: who looks at it, until ``claimed_until``.
        snoozed_until: nobody is reminded and nothing expires before.
        reminded_at: when it had waited for the site's reminder.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    article_id: ArticleId
    waiting_since: datetime
    assignee: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    snoozed_until: datetime | None
    reminded_at: datetime | None


class ReviewStep(BaseModel):
    """What a review's workflow has to do next.

    Attributes:
        redo: the article that is to be made again, as a reviewer asked.
        hold: of its site, for that.
        wake_at: when to look again if nothing happens, in UTC.
        longest_history: the events after which the workflow begins a new history.
    """

    model_config = ConfigDict(frozen=True)

    status: ArticleStatus
    redo: ArticleRef | None = None
    hold: HoldState = HoldState()
    wake_at: datetime | None = None
    longest_history: int

    @property
    def is_over(self) -> bool:
        """Return whether nothing is waited for any more."""
        return self.redo is None and self.status is not ArticleStatus.NEEDS_REVIEW


class ReviewUseCase(Protocol):
    """Takes the next step of a review, for its workflow."""

    async def look(self, article_id: ArticleId) -> ReviewStep:
        """Do what is due, and return what is next; safe to repeat."""
        ...


class Comment(BaseModel):
    """What somebody says about a block of a text.

    Attributes:
        block: the id of a section; None: it is about the whole.
        span: the words that it is about; None: all of the block.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CommentId
    article_id: ArticleId
    revision: int
    block: str | None
    span: str | None = None
    by: str
    text: str
    at: datetime
    resolved_by: str | None
    resolved_at: datetime | None
