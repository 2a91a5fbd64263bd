"""Decides about finished texts, each decision in one transaction.

It is bound to the bytes that it was made on.

The article's row is locked, so that of two people who decide at the same moment one wins, and the other is told who and
when. A decision needs no worker: the workflow of the review is only told of it, now or by the watchdog.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleStatus
from src.domain.errors import (
    AlreadyDecided,
    Conflict,
    ConflictReason,
    InputInvalid,
    LongtailError,
    NotFound,
    NotPermitted,
    NotReviewable,
)
from src.domain.finding import RevisionFinding
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.publishing import PublicationRecord, PublishWish
from src.domain.review import MOVES, Decision, DecisionKind, KeywordAfter, Verdict, parse_note
from src.domain.revision import Revision
from src.infrastructure.database.reviews import LockedArticle
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .approvals import NotPublished, Published, count_missing, find_published, prepare_approval, publish_approved
from .decision_signals import DecisionSignals
from .publication_requests import Wanted, record
from .revisions import ensured, require_hash, text_replaced

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

_BOUND = (DecisionKind.APPROVE, DecisionKind.REQUEST_CHANGES, DecisionKind.REJECT)  # they have to name the bytes


class Decided(BaseModel):
    """A decision that was made.

    Attributes:
        status: what the article is now.
        approvals_missing: how many more people have to approve it.
        is_told: whether its workflow was told, and that of a publication; if not, the watchdog does within a minute or
            two.
        is_repeated: whether it was made before with the same idempotency key.
        publication: of an approval, by which the text goes out, or is there already.
        not_published: why it does not go out though the site's rule says so; the approval stands. Said once.
    """

    model_config = ConfigDict(frozen=True)

    decision: Decision
    status: ArticleStatus
    approvals_missing: int = 0
    is_told: bool = False
    is_repeated: bool = False
    publication: PublicationRecord | None = None
    not_published: NotPublished | None = None


class Snapshot(BaseModel):
    """A text as somebody saw it in a list."""

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    content_hash: str


class LeftOut(Snapshot):
    """A text that a bulk decision left out, and why."""

    error_type: str
    message: str


class BulkResult(BaseModel):
    """What became of a bulk decision."""

    model_config = ConfigDict(frozen=True)

    decided: list[Decided]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class _Asked:
    """A decision on the text whose hash begins with ``expected``."""

    verdict: Verdict
    expected: str | None
    key: str | None
    wish: PublishWish | None


class Decisions:
    """Decisions as one person makes them."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, by: Principal) -> None:
        self._database = database
        self._signals = DecisionSignals(database, workflows)
        self._by = by

    async def decide(
        self,
        article_id: ArticleId,
        verdict: Verdict,
        *,
        expected: str | None = None,
        key: str | None = None,
        publish: PublishWish | None = None,
    ) -> Decided:
        """Make the decision on the text whose hash begins with ``expected``.

        Approving, requesting changes and rejecting need it. With the same idempotency ``key`` a decision is made once
        and returned again, with what became of its publication. The last approval publishes by the site's rule, or as
        ``publish`` says instead, which takes the right to publish; what then cannot be published is not approved.

        Raises NotFound, NotPermitted, InputInvalid, and by what stands in its way: TextReplaced, AlreadyDecided,
        NotReviewable, OwnText, SecondPersonMissing, FindingsBlock, Conflict for a key of another decision, and for what
        cannot be published as is wished.
        """
        decided = await self._make(article_id, _Asked(verdict, expected, key, publish))
        return (await self._tell([decided]))[0]

    async def decide_all(
        self,
        snapshots: Sequence[Snapshot],
        verdict: Verdict,
        *,
        key: str | None = None,
        publish: PublishWish | None = None,
    ) -> BulkResult:
        """Make the decision on each text that is as it was seen.

        The others are listed. What approvals publish is as in ``decide``.

        Each is a transaction of its own. Raises NotPermitted when that is what is in the way of every one.
        """
        decided: list[Decided] = []
        refused: list[tuple[Snapshot, LongtailError]] = []
        for snapshot in snapshots:
            try:
                asked = _Asked(verdict, snapshot.content_hash, key, publish)
                decided.append(await self._make(snapshot.article_id, asked))
            except LongtailError as error:
                refused.append((snapshot, error))
        if not decided and refused and all(isinstance(error, NotPermitted) for _, error in refused):
            raise refused[0][1]
        left_out = [
            LeftOut(**snapshot.model_dump(), error_type=type(error).__name__, message=error.message)
            for snapshot, error in refused
        ]
        return BulkResult(decided=await self._tell(decided), left_out=left_out)

    async def waive(self, article_id: ArticleId, number: int, *, expected: str, reason: str) -> RevisionFinding:
        """Accept a finding in the text whose hash begins with ``expected``.

        The first waiver stays.

        Raises NotFound, NotPermitted, InputInvalid, TextReplaced.
        """
        words = parse_note(reason, "reason")
        require_hash(expected)
        async with self._database.unit_of_work() as uow:
            article = await uow.reviews.lock(article_id)
            self._by.require(Action.REVIEW_WAIVE, article.site)
            text = await ensured(uow, article_id)
            await _require_current(uow, text, expected)
            before = await uow.findings.list_for_revision(article_id, text.number)
            found = await uow.findings.waive(article_id, text.number, number, by=self._by.name, reason=words)
            if not any(each.number == number and each.waived_at for each in before):
                after = {"finding": number, "rule": found.rule, "hash": text.content_hash, "reason": words}
                await uow.audit.record(
                    Action.REVIEW_WAIVE, str(article_id), by=self._by, site=article.site, after=after
                )
            return found

    # --- one decision

    async def _make(self, article_id: ArticleId, asked: _Asked) -> Decided:
        _check(asked)
        verdict, key = asked.verdict, asked.key

        async def work(uow: UnitOfWork) -> Decided:
            wanted = None
            if verdict.kind is DecisionKind.APPROVE:
                wanted = await prepare_approval(uow, article_id, asked.wish, by=self._by)
            article = await uow.reviews.lock(article_id)
            self._by.require(verdict.kind.action, article.site)
            if key is not None and (known := await uow.decisions.find_by_key(article_id, key)):
                return await self._repeated(uow, known, asked, article)
            return await self._decide(uow, article, asked, wanted)

        return await self._database.run_in_transaction(work)

    async def _decide(self, uow: UnitOfWork, article: LockedArticle, asked: _Asked, wanted: Wanted | None) -> Decided:
        verdict = asked.verdict
        known = await uow.decisions.list_for_article(article.id)
        _require_status(article, verdict.kind, known)
        _require_future(verdict.until)
        text = await ensured(uow, article.id)
        if asked.expected is not None:
            await _require_current(uow, text, asked.expected)
        if verdict.section is not None and all(verdict.section != each.id for each in text.content.sections):
            raise NotFound("section", verdict.section, known=[each.id for each in text.content.sections])
        target, missing = MOVES[verdict.kind].target, 0
        if verdict.kind is DecisionKind.APPROVE:
            missing = await count_missing(uow, article, text, known, by=self._by, wish=asked.wish)
            target = article.status if missing else target
        decision = await uow.decisions.add(
            article.id,
            verdict.kind,
            by=self._by.name,
            revision=text.number,
            from_status=article.status,
            to_status=target,
            from_hash=text.content_hash,
            to_hash=text.content_hash,
            idempotency_key=asked.key,
            **verdict.model_dump(exclude={"kind"}),
        )
        await self._apply(uow, article, verdict, target)
        published = Published()
        if wanted is not None and target is ArticleStatus.APPROVED:
            published = await publish_approved(uow, article.id, wanted, by=self._by, wish=asked.wish)
        await self._record(uow, article, decision, published)
        return Decided(
            decision=decision,
            status=target,
            approvals_missing=missing,
            publication=published.publication,
            not_published=published.refused,
        )

    async def _apply(self, uow: UnitOfWork, article: LockedArticle, verdict: Verdict, target: ArticleStatus) -> None:
        if target is not article.status:
            keyword = verdict.keyword.status if verdict.keyword else None
            words = _words(verdict, by=self._by.name) if verdict.keyword else None
            moved = await uow.articles.decide(article.id, target, keyword=keyword, reason=words)
            assert moved  # noqa: S101 - the table of moves is a part of the article's
            if verdict.keyword is KeywordAfter.LATER:
                await uow.longtails.put_last(article.id)
            await uow.reviews.set(article.id, claimed_by=None, claimed_until=None)
        if verdict.kind is DecisionKind.SNOOZE:
            await uow.reviews.set(article.id, snoozed_until=verdict.until, reminded_at=None)
        if verdict.kind is DecisionKind.WITHDRAW:
            await uow.publications.withdraw(article.id)
        if target is ArticleStatus.NEEDS_REVIEW is not article.status:
            await uow.reviews.begin_waiting(article.id)

    async def _record(self, uow: UnitOfWork, article: LockedArticle, decision: Decision, published: Published) -> None:
        given = decision.model_dump(mode="json", include={"reason", "note", "section", "keyword", "until"})
        await uow.audit.record(
            decision.kind.action,
            str(article.id),
            by=self._by,
            site=article.site,
            before={"status": decision.from_status.value, "hash": decision.from_hash},
            after={"status": decision.to_status.value, "hash": decision.to_hash}
            | {name: value for name, value in given.items() if value is not None},
        )
        if (asked := published.requested) and asked.is_new:
            await record(uow, Action.PUBLISH_START, asked.publication, by=self._by, before=asked.before)

    async def _repeated(self, uow: UnitOfWork, known: Decision, asked: _Asked, article: LockedArticle) -> Decided:
        is_same = asked.verdict.is_of(known) and known.from_hash.startswith(asked.expected or "")
        if known.by != self._by.name or not is_same:
            raise Conflict(ConflictReason.KEY_USED, article.id)
        publication = await find_published(uow, known)
        return Decided(decision=known, status=article.status, is_repeated=True, publication=publication)

    async def _tell(self, decided: Sequence[Decided]) -> list[Decided]:
        told = await self._signals.tell([(each.decision, each.publication) for each in decided])
        return [each.model_copy(update={"is_told": is_told}) for each, is_told in zip(decided, told, strict=True)]


def _check(asked: _Asked) -> None:
    verdict, expected = asked.verdict, asked.expected
    if asked.wish is not None and verdict.kind is not DecisionKind.APPROVE:
        raise InputInvalid("publish", str(asked.wish), "only what is approved is published")
    reasons = MOVES[verdict.kind].reasons
    if reasons is not None and verdict.reason not in list(reasons):
        raise InputInvalid("reason", verdict.reason, f"write one of {', '.join(reasons)}")
    if verdict.kind is DecisionKind.REJECT and verdict.keyword is None:
        raise InputInvalid("keyword", None, "say what becomes of the keyword: later or never")
    if verdict.kind is DecisionKind.SNOOZE and verdict.until is None:
        raise InputInvalid("until", None, "say until when")
    if expected is None and verdict.kind in _BOUND:
        raise InputInvalid("hash", None, "name the text by its hash, as the review shows it")
    if expected is not None:
        require_hash(expected)


async def _require_current(uow: UnitOfWork, text: Revision, expected: str) -> None:
    if not text.content_hash.startswith(expected):
        raise await text_replaced(uow, expected, text)


def _require_status(article: LockedArticle, kind: DecisionKind, known: Sequence[Decision]) -> None:
    move = MOVES[kind]
    if article.status in move.sources:
        return
    for last in reversed(known):
        if last.from_status is last.to_status:
            continue
        if last.to_status is article.status or last.stage_revision == article.stage_revision:
            raise AlreadyDecided(article.id, status=article.status, by=last.by, at=last.at)
        break
    possible = [status.value for status in ArticleStatus if status in move.sources]
    raise NotReviewable(article.id, status=article.status, decision=kind, possible=possible)


def _require_future(until: datetime | None) -> None:
    if until is not None and until <= datetime.now(UTC):
        value = f"{until:%Y-%m-%d %H:%M} UTC"
        raise InputInvalid("until", value, "it is in the past; give a time in the future", reason="in_the_past")


def _words(verdict: Verdict, *, by: str) -> str:
    return ": ".join(part for part in (f"rejected by {by}", verdict.reason, verdict.note) if part)
