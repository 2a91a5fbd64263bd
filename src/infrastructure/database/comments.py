"""What reviewers leave at the blocks of a text.

That is comments, and what they have seen.
"""

from collections.abc import Mapping

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import NotFound
from src.domain.ids import ArticleId
from src.domain.review import Comment, CommentId

from .tables import CommentRow, SeenBlockRow


class CommentRepository:
    """The comments of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self, article_id: ArticleId, revision: int, block: str | None, *, span: str | None = None, by: str, text: str
    ) -> Comment:
        """Store a comment on words of a block, None for the whole."""
        given = {"article_id": article_id, "revision": revision, "block": block, "span": span, "by": by, "text": text}
        row = await self._session.scalar(
            insert(CommentRow).values(**given, at=func.clock_timestamp()).returning(CommentRow)
        )
        return Comment.model_validate(row)

    async def resolve(self, article_id: ArticleId, comment_id: CommentId, *, by: str) -> Comment:
        """Note that it is settled; the first who says so stays.

        Raises NotFound.
        """
        its = (CommentRow.article_id == article_id, CommentRow.id == comment_id)
        await self._session.execute(
            update(CommentRow)
            .where(*its, CommentRow.resolved_at.is_(None))
            .values(resolved_by=by, resolved_at=func.now())
            .execution_options(synchronize_session=False)
        )
        row = await self._session.scalar(select(CommentRow).where(*its), execution_options={"populate_existing": True})
        if row is None:
            raise NotFound("comment", comment_id)
        return Comment.model_validate(row)

    async def list_for_article(self, article_id: ArticleId) -> list[Comment]:
        """Return the article's comments, the oldest first."""
        rows = await self._session.scalars(
            select(CommentRow).where(CommentRow.article_id == article_id).order_by(CommentRow.at),
            execution_options={"populate_existing": True},
        )
        return [Comment.model_validate(row) for row in rows]

    async def see(self, article_id: ArticleId, person: str, hashes: Mapping[str, str]) -> None:
        """Note which blocks the person has seen, with the hash of each."""
        for block, block_hash in sorted(hashes.items()):
            seen = {"hash": block_hash, "at": func.now()}
            statement = insert(SeenBlockRow).values(article_id=article_id, person=person, block=block, **seen)
            await self._session.execute(
                statement.on_conflict_do_update(index_elements=["article_id", "person", "block"], set_=seen)
            )

    async def list_seen(self, article_id: ArticleId, person: str) -> dict[str, str]:
        """Return the hash of each block as the person saw it last."""
        rows = await self._session.execute(
            select(SeenBlockRow.block, SeenBlockRow.hash).where(
                SeenBlockRow.article_id == article_id, SeenBlockRow.person == person
            )
        )
        return dict(rows.all())
