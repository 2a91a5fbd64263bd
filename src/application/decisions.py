"""Decides about finished texts, each decision in one transaction.

It is bound to the bytes that it was made on.

The article's row is locked, so that of two people who decide at the same moment one wins, and the other is told who and
when. A decision needs no worker: the workflow of the review is only told of it, now or by the watchdog.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleStatus
from src.domain.colour import Colour
from src.domain.errors import (
    AlreadyDecided,
    Conflict,
    ConflictReason,
    EngineUnavailable,
    FindingsBlock,
    InputInvalid,
    LongtailError,
    NotFound,
    NotPermitted,
    NotReviewable,
    OwnText,
    SecondPersonMissing,
)
from src.domain.finding import RevisionFinding
from src.domain.ids import ArticleId
from src.domain.permissions import ALLOWED, Action, Role
from src.domain.principal import Origin, Principal
from src.domain.review import MOVES, Decision, DecisionKind, KeywordAfter, Verdict, approvals_of, parse_note
from src.domain.revision import Revision
from src.domain.site import ReviewRules
from src.infrastructure.database.reviews import LockedArticle
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .revisions import ensured, require_hash, text_replaced

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()

_BOUND = (DecisionKind.APPROVE, DecisionKind.REQUEST_CHANGES, DecisionKind.REJECT)  # they have to name the bytes


class Decided(BaseModel):
    """A decision that was made.

    Attributes:
        status: what the article is now.
        approvals_missing: how many more people have to approve it.
        is_told: whether its workflow was told; if not, the watchdog does within a minute or two.
        is_repeated: whether it was made before with the same idempotency key.
    """

    model_config = ConfigDict(frozen=True)

    decision: Decision
    status: ArticleStatus
    approvals_missing: int = 0
    is_told: bool = False
    is_repeated: bool = False


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


class Decisions:
    """Decisions as one person makes them."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, by: Principal) -> None:
        self._database = database
        self._workflows = workflows
        self._by = by

    async def decide(
        self, article_id: ArticleId, verdict: Verdict, *, expected: str | None = None, key: str | None = None
    ) -> Decided:
        """Make the decision on the text whose hash begins with ``expected``.

        Approving, requesting changes and rejecting need it. With the same idempotency ``key`` a decision is made once
        and returned again.

        Raises NotFound, NotPermitted, InputInvalid, and by what stands in its way: TextReplaced, AlreadyDecided,
        NotReviewable, OwnText, SecondPersonMissing, FindingsBlock, Conflict for a key of another decision.
        """
        decided = await self._make(article_id, verdict, expected=expected, key=key)
        return (await self._tell([decided]))[0]

    async def decide_all(
        self, snapshots: Sequence[Snapshot], verdict: Verdict, *, key: str | None = None
    ) -> BulkResult:
        """Make the decision on each text that is as it was seen.

        The others are listed.

        Each is a transaction of its own. Raises NotPermitted when that is what is in the way of every one.
        """
        decided: list[Decided] = []
        refused: list[tuple[Snapshot, LongtailError]] = []
        for snapshot in snapshots:
            try:
                decided.append(await self._make(snapshot.article_id, verdict, expected=snapshot.content_hash, key=key))
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

    async def _make(self, article_id: ArticleId, verdict: Verdict, *, expected: str | None, key: str | None) -> Decided:
        _check(verdict, expected)

        async def work(uow: UnitOfWork) -> Decided:
            article = await uow.reviews.lock(article_id)
            self._by.require(verdict.kind.action, article.site)
            if key is not None and (known := await uow.decisions.find_by_key(article_id, key)):
                return self._repeated(known, verdict, article, expected)
            return await self._decide(uow, article, verdict, expected=expected, key=key)

        return await self._database.run_in_transaction(work)

    async def _decide(
        self, uow: UnitOfWork, article: LockedArticle, verdict: Verdict, *, expected: str | None, key: str | None
    ) -> Decided:
        known = await uow.decisions.list_for_article(article.id)
        _require_status(article, verdict.kind, known)
        _require_future(verdict.until)
        text = await ensured(uow, article.id)
        if expected is not None:
            await _require_current(uow, text, expected)
        if verdict.section is not None and all(verdict.section != each.id for each in text.content.sections):
            raise NotFound("section", verdict.section, known=[each.id for each in text.content.sections])
        target, missing = MOVES[verdict.kind].target, 0
        if verdict.kind is DecisionKind.APPROVE:
            missing = await self._require_approvable(uow, article, text, known)
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
            idempotency_key=key,
            **verdict.model_dump(exclude={"kind"}),
        )
        await self._apply(uow, article, verdict, target)
        await self._record(uow, article, decision)
        return Decided(decision=decision, status=target, approvals_missing=missing)

    async def _require_approvable(
        self, uow: UnitOfWork, article: LockedArticle, text: Revision, known: Sequence[Decision]
    ) -> int:
        """Return how many more people have to approve the text then."""
        if self._by.origin is Origin.WORKER:
            roles = [role.value for role in Role if role in ALLOWED[Action.REVIEW_APPROVE]]
            raise NotPermitted(self._by.name, Action.REVIEW_APPROVE, site=article.site, roles=roles)
        rules = (await uow.sites.get(article.site)).review
        await self._require_other_author(uow, text, rules)
        found = await uow.findings.list_for_revision(article.id, text.number)
        if blocking := [f"{each.number}: {each.rule}: {each.message}" for each in found if each.blocks]:
            raise FindingsBlock(article.id, blocking)
        given = {each.by: each.at for each in reversed(approvals_of(known, text.content_hash))}
        missing = rules.approvals - len(given.keys() | {self._by.name})
        if self._by.name in given and missing > 0:
            raise SecondPersonMissing(article.id, who=self._by.name, at=given[self._by.name])
        return max(missing, 0)

    async def _require_other_author(self, uow: UnitOfWork, text: Revision, rules: ReviewRules) -> None:
        """Raise OwnText where the site forbids it.

        The text holds the person's own words then.
        """
        if rules.self_approval:
            return
        by_number = {each.number: each for each in await uow.revisions.list_for_article(text.article_id)}
        number: int | None = text.number
        while number is not None:
            revision = by_number[number]
            if revision.author == self._by.name:
                raise OwnText(text.article_id, who=self._by.name, revision=revision.number)
            number = revision.parent

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

    async def _record(self, uow: UnitOfWork, article: LockedArticle, decision: Decision) -> None:
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

    def _repeated(self, known: Decision, verdict: Verdict, article: LockedArticle, expected: str | None) -> Decided:
        if known.by != self._by.name or not verdict.is_of(known) or not known.from_hash.startswith(expected or ""):
            raise Conflict(ConflictReason.KEY_USED, article.id)
        return Decided(decision=known, status=article.status, is_repeated=True)

    async def _tell(self, decided: Sequence[Decided]) -> list[Decided]:
        """Inform the reviews' workflows; the watchdog does where this fails.

        Once Temporal is away the others are left to it too.
        """
        told: list[Decided] = []
        try:
            for each in decided:
                is_told = await self._signal(each.decision)
                told.append(each.model_copy(update={"is_told": is_told}))
        except EngineUnavailable as error:
            log.warning(
                "decision_not_signalled", article=str(decided[len(told)].decision.article_id), error=error.message
            )
        return [*told, *decided[len(told) :]]

    async def _signal(self, decision: Decision) -> bool:
        if decision.kind is DecisionKind.WITHDRAW:
            await self._take_off(decision.article_id)
        told = await self._workflows.signal_review(decision.article_id, decision.id)
        return told or await self._begin_review_again(decision.article_id)

    async def _begin_review_again(self, article_id: ArticleId) -> bool:
        """Start a review that an earlier decision ended, where a worker lives.

        Return False without one; the watchdog of the next worker starts it.
        """
        async with self._database.unit_of_work() as uow:
            article = await uow.articles.get(article_id)
            colour = await _living_colour(uow)
        if colour is None:
            return False
        return await self._workflows.start_review(article_id, site=article.site, keyword=article.keyword, colour=colour)

    async def _take_off(self, article_id: ArticleId) -> None:
        """Start what takes the article's pages off, if targets have some.

        Where no worker lives, only tell one that runs; the watchdog of the next worker starts it.
        """
        async with self._database.unit_of_work() as uow:
            to_do = await uow.publications.list_open(article_id)
            colour = await _living_colour(uow)
        if to_do and colour is None:
            await self._workflows.wake_publications(article_id)
        elif to_do and colour is not None:
            await self._workflows.start_publishing(article_id, site=to_do[0].site, colour=colour)


async def _living_colour(uow: UnitOfWork) -> Colour | None:
    """Return the colour of a worker that takes new work; None: none lives."""
    colours = [worker.colour for worker in await uow.workers.list_unended() if worker.draining_at is None]
    return colours[-1] if colours else None


def _check(verdict: Verdict, expected: str | None) -> None:
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
