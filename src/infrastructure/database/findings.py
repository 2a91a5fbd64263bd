"""Findings: stored with their revision, waived at most once."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import Hint, NotFound
from src.domain.finding import Finding, RevisionFinding
from src.domain.ids import ArticleId

from .tables import FindingRow


class FindingRepository:
    """The findings of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def store(self, article_id: ArticleId, revision: int, findings: Sequence[Finding]) -> None:
        """Store what was found in a revision.

        Changes nothing when repeated.
        """
        key = {"article_id": article_id, "revision": revision}
        rows = [{**key, "number": number, **finding.model_dump()} for number, finding in enumerate(findings)]
        if rows:
            await self._session.execute(insert(FindingRow).values(rows).on_conflict_do_nothing())

    async def list_for_revision(self, article_id: ArticleId, revision: int) -> list[RevisionFinding]:
        """Return what was found in the revision, the worst first."""
        rows = await self._session.scalars(
            select(FindingRow)
            .where(FindingRow.article_id == article_id, FindingRow.revision == revision)
            .order_by(FindingRow.number),
            execution_options={"populate_existing": True},
        )
        return [RevisionFinding.model_validate(row) for row in rows]

    async def waive(
        self, article_id: ArticleId, revision: int, number: int, *, by: str, reason: str
    ) -> RevisionFinding:
        """Note who accepts the finding in this revision, and why.

        The first waiver stays. Raises NotFound.
        """
        its = (FindingRow.article_id == article_id, FindingRow.revision == revision, FindingRow.number == number)
        await self._session.execute(
            update(FindingRow)
            .where(*its, FindingRow.waived_at.is_(None))
            .values(waived_by=by, waived_reason=reason, waived_at=func.now())
            .execution_options(synchronize_session=False)
        )
        row = await self._session.scalar(select(FindingRow).where(*its), execution_options={"populate_existing": True})
        if row is None:
            raise NotFound("finding", number, article=article_id, revision=revision, hint=Hint.SHOW_REVIEW)
        return RevisionFinding.model_validate(row)
