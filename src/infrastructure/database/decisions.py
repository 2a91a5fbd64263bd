"""Decisions: added under the article's lock, and noted when taken up."""

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId
from src.domain.review import Decision, DecisionId, DecisionKind, KeywordAfter
from src.rendering import RENDERER_VERSION

from .tables import ReviewDecisionRow

_MOST_AT_ONCE = 500  # that one look of the watchdog sees to


class DecisionRepository:
    """The decisions of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(  # noqa: PLR0913 - each is a column
        self,
        article_id: ArticleId,
        kind: DecisionKind,
        *,
        by: str,
        revision: int,
        from_status: ArticleStatus,
        to_status: ArticleStatus,
        from_hash: str,
        to_hash: str,
        reason: str | None = None,
        note: str | None = None,
        section: str | None = None,
        span: str | None = None,
        keyword: KeywordAfter | None = None,
        until: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Decision:
        """Store a decision; the caller has locked the article."""
        last = select(func.coalesce(func.max(ReviewDecisionRow.number), 0))
        number = last.where(ReviewDecisionRow.article_id == article_id).scalar_subquery() + 1
        row = await self._session.scalar(
            insert(ReviewDecisionRow)
            .values(
                article_id=article_id,
                number=number,
                kind=kind,
                by=by,
                at=func.clock_timestamp(),
                revision=revision,
                from_status=from_status,
                to_status=to_status,
                from_hash=from_hash,
                to_hash=to_hash,
                reason=reason,
                note=note,
                section=section,
                span=span,
                keyword=keyword,
                until=until,
                idempotency_key=idempotency_key,
                renderer_version=RENDERER_VERSION,
            )
            .returning(ReviewDecisionRow)
        )
        return Decision.model_validate(row)

    async def find_by_key(self, article_id: ArticleId, idempotency_key: str) -> Decision | None:
        """Return the decision that was made with this key."""
        row = await self._session.scalar(
            select(ReviewDecisionRow).where(
                ReviewDecisionRow.article_id == article_id, ReviewDecisionRow.idempotency_key == idempotency_key
            )
        )
        return Decision.model_validate(row) if row else None

    async def list_for_article(self, article_id: ArticleId) -> list[Decision]:
        """Return the article's decisions, the oldest first."""
        rows = await self._session.scalars(
            select(ReviewDecisionRow)
            .where(ReviewDecisionRow.article_id == article_id)
            .order_by(ReviewDecisionRow.number),
            execution_options={"populate_existing": True},
        )
        return [Decision.model_validate(row) for row in rows]

    async def list_not_taken_up(
        self, *, older_than: timedelta, recent: timedelta
    ) -> list[tuple[ArticleId, DecisionId, bool]]:
        """Return decisions that no workflow took up in that time.

        Each with its article, and whether it is younger than ``recent``.
        """
        age = func.now() - ReviewDecisionRow.at
        statement = select(ReviewDecisionRow.article_id, ReviewDecisionRow.id, (age < recent).label("is_recent"))
        statement = statement.where(ReviewDecisionRow.taken_up_at.is_(None), age >= older_than)
        rows = await self._session.execute(statement.order_by(ReviewDecisionRow.at).limit(_MOST_AT_ONCE))
        return [(ArticleId(article_id), DecisionId(id_), is_recent) for article_id, id_, is_recent in rows]

    async def take_up(self, article_id: ArticleId) -> None:
        """Note that the article's workflow has read all its decisions."""
        await self._session.execute(
            update(ReviewDecisionRow)
            .where(ReviewDecisionRow.article_id == article_id, ReviewDecisionRow.taken_up_at.is_(None))
            .values(taken_up_at=func.now())
            .execution_options(synchronize_session=False)
        )

    async def set_stage_revision(self, decision_id: DecisionId, stage_revision: int) -> None:
        """Note which of the article's stage revisions makes the changes."""
        await self._session.execute(
            update(ReviewDecisionRow)
            .where(ReviewDecisionRow.id == decision_id)
            .values(stage_revision=stage_revision)
            .execution_options(synchronize_session=False)
        )

    async def find_request(self, article_id: ArticleId, stage_revision: int) -> Decision | None:
        """Return the request that this stage revision carries out."""
        row = await self._session.scalar(
            select(ReviewDecisionRow).where(
                ReviewDecisionRow.article_id == article_id, ReviewDecisionRow.stage_revision == stage_revision
            )
        )
        return Decision.model_validate(row) if row else None
