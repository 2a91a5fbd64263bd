"""The steps of a review that its workflow takes.

They are what is due, and what a decision sets in motion.

Each step reads the rows and may be repeated. What it finds follows from them and not from the signal that woke the
workflow, so a signal that is lost or sent twice changes nothing.
"""

from datetime import datetime, timedelta

import structlog

from src.domain.article import ArticleRef, ArticleStatus
from src.domain.errors import Conflict
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.review import ChangeRequest, Decision, DecisionKind, ReviewStep
from src.domain.site import ReviewRules
from src.domain.stages import STAGES, Stage
from src.infrastructure.database.reviews import LockedArticle
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .revisions import ensured

log = structlog.get_logger()


class ReviewSteps:
    """Takes the steps, as a worker.

    ``longest_history`` is after how many events the workflow begins a new history.
    """

    def __init__(self, database: Database, *, by: Principal, longest_history: int) -> None:
        self._database = database
        self._by = by
        self._longest_history = longest_history

    async def look(self, article_id: ArticleId) -> ReviewStep:
        """Take the next step of the article's review; see ``ReviewUseCase``."""
        return await self._database.run_in_transaction(lambda uow: self._look(uow, article_id))

    async def _look(self, uow: UnitOfWork, article_id: ArticleId) -> ReviewStep:
        article = await uow.reviews.lock(article_id)
        rules = (await uow.sites.get(article.site)).review
        redo, wake_at, status = None, None, article.status
        if status is ArticleStatus.NEEDS_REVIEW:
            status, wake_at = await self._wait(uow, article, rules)
        elif status is ArticleStatus.CHANGES_REQUESTED:
            status, redo = await self._begin_changes(uow, article)
        elif not status.is_decided and await uow.decisions.find_request(article_id, article.stage_revision):
            redo = _ref(article, article.stage_revision) if _is_under_way(status) else None
        await uow.decisions.take_up(article_id)
        hold = await uow.holds.get_state(article.site)
        return ReviewStep(status=status, redo=redo, hold=hold, wake_at=wake_at, longest_history=self._longest_history)

    async def _wait(
        self, uow: UnitOfWork, article: LockedArticle, rules: ReviewRules
    ) -> tuple[ArticleStatus, datetime | None]:
        """Remind, or park what nobody decided on; return when to look again."""
        if not (await uow.reviews.find_site(article.id))[1]:  # an older version made it
            await ensured(uow, article.id)
        review = await uow.reviews.get(article.id)
        since = max(review.waiting_since, review.snoozed_until or review.waiting_since)
        if article.now >= since + rules.expiry:
            await self._move(uow, article, DecisionKind.PARK, ArticleStatus.PARKED, _waited(rules.expiry))
            return ArticleStatus.PARKED, None
        if review.reminded_at is None and article.now >= since + rules.reminder:
            await uow.reviews.set(article.id, reminded_at=article.now)
            log.warning("review_waits", site=article.site, article=str(article.id), since=str(since))
            return article.status, since + rules.expiry
        return article.status, since + (rules.expiry if review.reminded_at else rules.reminder)

    async def _begin_changes(self, uow: UnitOfWork, article: LockedArticle) -> tuple[ArticleStatus, ArticleRef | None]:
        """Queue the article again from the stage that the request names."""
        known = await uow.decisions.list_for_article(article.id)
        request = next(each for each in reversed(known) if each.kind is DecisionKind.REQUEST_CHANGES)
        change = ChangeRequest.of(request)
        try:
            ref = await uow.articles.prepare_retry(article.id, from_stage=change.stage)
        except Conflict as error:  # its keyword was given to another article since: nobody's text is lost
            await self._move(uow, article, DecisionKind.RESTORE, ArticleStatus.NEEDS_REVIEW, error.message)
            await uow.reviews.begin_waiting(article.id)
            return ArticleStatus.NEEDS_REVIEW, None
        await uow.stage_outputs.copy_to_revision(
            article.id, revision=article.stage_revision, to=ref.revision, stages=_kept(change)
        )
        await uow.decisions.set_stage_revision(request.id, ref.revision)
        return ArticleStatus.QUEUED, ref

    async def _move(
        self, uow: UnitOfWork, article: LockedArticle, kind: DecisionKind, target: ArticleStatus, note: str
    ) -> Decision:
        text = await ensured(uow, article.id)
        decision = await uow.decisions.add(
            article.id,
            kind,
            by=self._by.name,
            revision=text.number,
            from_status=article.status,
            to_status=target,
            from_hash=text.content_hash,
            to_hash=text.content_hash,
            note=note,
        )
        await uow.articles.decide(article.id, target)
        await uow.audit.record(
            Action(kind.action),
            str(article.id),
            by=self._by,
            site=article.site,
            before={"status": article.status.value, "hash": text.content_hash},
            after={"status": target.value, "hash": text.content_hash, "note": note},
        )
        return decision


def _kept(change: ChangeRequest) -> tuple[Stage, ...]:
    """Return the stages whose outputs stay.

    Nothing is bought that nobody asked for.
    """
    if change.is_section:
        return tuple(stage for stage in STAGES if stage is not Stage.ARTICLE)
    return STAGES[: change.stage.position]


def _is_under_way(status: ArticleStatus) -> bool:
    return status in (ArticleStatus.QUEUED, ArticleStatus.GENERATING)


def _ref(article: LockedArticle, stage_revision: int) -> ArticleRef:
    return ArticleRef(article_id=article.id, site=article.site, keyword=article.keyword, revision=stage_revision)


def _waited(span: timedelta) -> str:
    return f"nobody decided within {span}"
