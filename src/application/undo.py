"""Undoes the last decision on a text while nothing follows from it.

What was decided stays in the record; undoing is a decision of its own. Each kind has its own limit: an approval until
its page goes out, a request for changes until the stages begin, a snooze until it is over. A rejection has none: its
keyword may have another article already.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from src.domain.article import ArticleStatus
from src.domain.errors import Conflict, ConflictReason, Hint, state_of_article
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.publishing import PublicationRecord, PublicationStatus
from src.domain.review import Decision, DecisionKind, WithdrawReason
from src.infrastructure.database.reviews import LockedArticle
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .approvals import find_published
from .decision_signals import DecisionSignals
from .publication_requests import record, undo_scheduled

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

_UNDONE = (DecisionKind.APPROVE, DecisionKind.REQUEST_CHANGES, DecisionKind.PARK, DecisionKind.SNOOZE)
_TOO_LATE = (PublicationStatus.PUBLISHING, PublicationStatus.PUBLISHED, PublicationStatus.VERIFIED)


def may_be_undone(
    last: Decision,
    status: ArticleStatus,
    *,
    publications: Sequence[PublicationRecord],
    snoozed_until: datetime | None,
    now: datetime,
) -> bool:
    """Return whether undoing an article's last decision would still be taken."""
    if last.kind not in _UNDONE or status is not last.to_status:
        return False
    if last.kind is DecisionKind.SNOOZE:
        return snoozed_until is not None and snoozed_until > now
    its = next((each for each in publications if each.approved_at == last.at), None)
    return last.kind is not DecisionKind.APPROVE or its is None or its.status not in _TOO_LATE


class Undone(BaseModel):
    """A decision that was taken back, and what the article is again."""

    model_config = ConfigDict(frozen=True)

    decision: Decision
    status: ArticleStatus


class Undo:
    """Takes one person's last decisions back."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, by: Principal) -> None:
        self._database = database
        self._workflows = workflows
        self._signals = DecisionSignals(database, workflows)
        self._by = by

    async def undo(self, article_id: ArticleId, number: int | None = None) -> Undone:
        """Take the article's last decision back, if this person made it.

        ``number`` is the decision that is meant: another one is left alone. It takes the right to decide so. Raises
        NotFound, NotPermitted, and Conflict with the reason why it is too late.
        """

        async def work(uow: UnitOfWork) -> tuple[Undone, list[Decision]]:
            site, _ = await uow.reviews.find_site(article_id)
            self._by.require(Action.SITE_READ, site)
            await uow.publications.lock(site)
            article = await uow.reviews.lock(article_id)
            known = await uow.decisions.list_for_article(article_id)
            last = known[-1] if known else None
            self._require_own(article, last, number)
            assert last is not None  # noqa: S101 - just required
            self._by.require(last.kind.action, site)
            made = await self._take_back(uow, article, last)
            return Undone(decision=last, status=await uow.articles.get_status(article_id)), made

        undone, made = await self._database.run_in_transaction(work)
        await self._signals.tell([(each, None) for each in made])
        return undone

    def _require_own(self, article: LockedArticle, last: Decision | None, number: int | None) -> None:
        if last is None:
            raise _refused(article, "nobody decided anything yet")
        if last.by != self._by.name:
            raise _refused(article, f"{last.by} made it")
        if number is not None and number != last.number:
            raise _refused(article, "something else was decided since")
        if last.kind not in _UNDONE:
            raise _refused(article, _NEVER.get(last.kind, "it is undone already"))
        if article.status is not last.to_status:
            raise _refused(article, f"the article {state_of_article(article.status)} by now")

    async def _take_back(self, uow: UnitOfWork, article: LockedArticle, last: Decision) -> list[Decision]:
        """Return the decisions that undo the last one."""
        if last.kind is DecisionKind.SNOOZE:
            await self._wake(uow, article, last)
            return []
        if last.kind is DecisionKind.APPROVE:
            return await self._withdraw(uow, article, last)
        return [await self._restore(uow, article, last, article.status)]

    async def _wake(self, uow: UnitOfWork, article: LockedArticle, last: Decision) -> None:
        review = await uow.reviews.get(article.id)
        if review.snoozed_until is None or review.snoozed_until <= datetime.now(UTC):
            raise _refused(article, "its time is over")
        await uow.reviews.set(article.id, snoozed_until=None)
        before = {"until": last.until.isoformat() if last.until else None}
        await uow.audit.record(
            Action.REVIEW_SNOOZE, str(article.id), by=self._by, site=article.site, before=before, after={"until": None}
        )

    async def _withdraw(self, uow: UnitOfWork, article: LockedArticle, last: Decision) -> list[Decision]:
        """Take an approval back before its page is there.

        An earlier page of the article stays.
        """
        published = await find_published(uow, last)
        if published is not None and published.status in _TOO_LATE:
            raise _refused(article, "its page is there, or on its way", hint=Hint.TAKE_OFF)
        for each in await undo_scheduled(uow, article.id):
            await record(uow, Action.PUBLISH_UNDO, each, by=self._by)
        is_first = last.to_status is last.from_status  # of two: the article still waits
        target = last.to_status if is_first else ArticleStatus.WITHDRAWN
        reason = WithdrawReason.MISTAKE
        made = [await self._decide(uow, article, last, DecisionKind.WITHDRAW, last.to_status, target, reason)]
        if not is_first:
            await uow.articles.decide(article.id, target)
            made.append(await self._restore(uow, article, last, target))
        return made

    async def _restore(
        self, uow: UnitOfWork, article: LockedArticle, last: Decision, status: ArticleStatus
    ) -> Decision:
        target = ArticleStatus.NEEDS_REVIEW
        decision = await self._decide(uow, article, last, DecisionKind.RESTORE, status, target)
        await uow.articles.decide(article.id, target)
        since = (await uow.reviews.get(article.id)).waiting_since
        await uow.reviews.begin_waiting(article.id)
        await uow.reviews.set(article.id, waiting_since=since)  # it has its place in the queue again
        return decision

    async def _decide(
        self,
        uow: UnitOfWork,
        article: LockedArticle,
        last: Decision,
        kind: DecisionKind,
        status: ArticleStatus,
        target: ArticleStatus,
        reason: WithdrawReason | None = None,
    ) -> Decision:
        decision = await uow.decisions.add(
            article.id,
            kind,
            by=self._by.name,
            revision=last.revision,
            from_status=status,
            to_status=target,
            from_hash=last.to_hash,
            to_hash=last.to_hash,
            reason=reason,
        )
        await uow.audit.record(
            last.kind.action if kind is DecisionKind.WITHDRAW else kind.action,
            str(article.id),
            by=self._by,
            site=article.site,
            before={"status": status.value, "hash": last.to_hash},
            after={"status": target.value, "hash": last.to_hash, "undoes": last.number},
        )
        return decision


_NEVER = {
    DecisionKind.REJECT: "a rejection is final, as its keyword may have another article",
    DecisionKind.EDIT: "a text is not unwritten; compare it, and take the earlier one over",
}


def _refused(article: LockedArticle, problem: str, *, hint: Hint = Hint.SHOW_REVIEW) -> Conflict:
    return Conflict(ConflictReason.NOT_UNDONE, article.id, problem=problem, hint=hint)
