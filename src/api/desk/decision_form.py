"""The form of a decision, kept when it is refused."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData, UploadFile

from src.domain.errors import InputInvalid
from src.domain.review import (
    ChangeReason,
    DecisionKind,
    KeywordAfter,
    RejectReason,
    Verdict,
    WithdrawReason,
)

CHANGES: dict[ChangeReason, str] = {
    ChangeReason.FACTS: "wrong fact",
    ChangeReason.MISSING: "something is missing",
    ChangeReason.TONE: "tone",
    ChangeReason.WORDING: "wording",
    ChangeReason.ANGLE: "off intent",
    ChangeReason.STRUCTURE: "structure",
    ChangeReason.LENGTH: "too long or too short",
    ChangeReason.LINKS: "links",
    ChangeReason.METADATA: "title and description",
    ChangeReason.OTHER: "other, see the note",
}
"""Reasons to send a text back, in the order of their digits."""
REJECTIONS: dict[RejectReason, str] = {
    RejectReason.OFF_TOPIC: "off topic",
    RejectReason.DUPLICATE: "duplicate",
    RejectReason.QUALITY: "not good enough",
    RejectReason.LEGAL: "legal",
    RejectReason.KEYWORD: "keyword is no topic of the site",
    RejectReason.OTHER: "other, see the note",
}
KEYWORDS: dict[KeywordAfter, str] = {
    KeywordAfter.LATER: "gets another article, after all others",
    KeywordAfter.NEVER: "gets none",
}
WITHDRAWALS: dict[WithdrawReason, str] = {
    WithdrawReason.MISTAKE: "approved by mistake",
    WithdrawReason.ERROR: "an error in it",
    WithdrawReason.OUTDATED: "outdated",
    WithdrawReason.LEGAL: "legal",
    WithdrawReason.OTHER: "other, see the note",
}
_Code = TypeVar("_Code", bound=StrEnum)
_WAIVER = "waive-"
_LONGEST = 20_000  # characters that are kept of a field
PUBLISH = "publish"


class DecisionForm(BaseModel):
    """What was filled in; nothing in it is checked yet.

    Attributes:
        asked: the button: a kind of decision, or ``publish``.
        inside: the queue's filter, as its query.
        note: of a request for changes, of a rejection, or of another decision.
        waivers: reasons by the finding's number.
    """

    model_config = ConfigDict(frozen=True)

    asked: str = ""
    content_hash: str = ""
    key: str = ""
    inside: str = ""
    reason: str = ""
    section: str = ""
    span: str = ""
    note: str = ""
    reject_reason: str = ""
    reject_note: str = ""
    keyword: str = KeywordAfter.LATER.value
    until: str = ""
    other_note: str = ""
    withdraw_reason: str = ""
    waivers: Mapping[int, str] = {}

    @classmethod
    def of(cls, form: FormData) -> "DecisionForm":
        """Return what a browser sent."""
        given = {name: value[:_LONGEST] for name, value in form.items() if not isinstance(value, UploadFile)}
        waivers = {
            int(name.removeprefix(_WAIVER)): value
            for name, value in given.items()
            if name.startswith(_WAIVER) and name.removeprefix(_WAIVER).isdecimal() and len(name) < 16 and value.strip()
        }
        named = {field: given[name] for field, name in _NAMES.items() if name in given}
        return cls(**named, waivers=waivers)

    @property
    def kind(self) -> DecisionKind | None:
        """Return which decision was asked for; None: it is none."""
        return _KINDS.get(self.asked)

    def verdict(self, zone: str) -> Verdict:
        """Return the decision. Raises InputInvalid for what is missing or unknown."""
        match self.kind:
            case DecisionKind.APPROVE:
                return Verdict.approve()
            case DecisionKind.REQUEST_CHANGES:
                reason = _chosen(ChangeReason, "reason", self.reason)
                section = self.section or None
                return Verdict.request_changes(reason, note=self.note, section=section, span=self.span)
            case DecisionKind.REJECT:
                keyword = _chosen(KeywordAfter, "keyword", self.keyword)
                return Verdict.reject(
                    _chosen(RejectReason, "reason", self.reject_reason), keyword, note=self.reject_note
                )
            case DecisionKind.SNOOZE:
                return Verdict.snooze(_moment(self.until, zone), note=self.other_note)
            case DecisionKind.WITHDRAW:
                why = _chosen(WithdrawReason, "reason", self.withdraw_reason)
                return Verdict.withdraw(why, note=self.other_note)
            case DecisionKind.PARK | DecisionKind.RESTORE as kind:
                return Verdict(kind=kind, note=self.other_note.strip() or None)
            case _:
                raise InputInvalid("decision", self.asked[:40], "use a button of the page", reason="unknown")


_NAMES = {
    "asked": "d", "content_hash": "content_hash", "key": "key", "inside": "in", "reason": "why", "section": "section",
    "span": "span", "note": "note", "reject_reason": "rej", "reject_note": "rej-note", "keyword": "keyword",
    "until": "until", "other_note": "other-note", "withdraw_reason": "wd",
}  # fmt: skip
_KINDS = {
    "approve": DecisionKind.APPROVE, "changes": DecisionKind.REQUEST_CHANGES, "reject": DecisionKind.REJECT,
    "snooze": DecisionKind.SNOOZE, "park": DecisionKind.PARK, "restore": DecisionKind.RESTORE,
    "withdraw": DecisionKind.WITHDRAW,
}  # fmt: skip


def _chosen(codes: type[_Code], field: str, given: str) -> _Code:
    try:
        return codes(given)
    except ValueError as error:
        raise InputInvalid(field, given or None, "choose one", reason="unknown") from error


def _moment(given: str, zone: str) -> datetime:
    """Return a browser's time, which is in the site's zone, in UTC."""
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise InputInvalid("until", given or None, "give a day and a time", reason="unknown") from error
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
