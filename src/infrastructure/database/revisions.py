"""Revisions of articles: added, never changed.

The article's row is locked while one is added, so that numbers have no holes.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.content import Content
from src.domain.errors import Hint, NotFound
from src.domain.ids import ArticleId
from src.domain.revision import MadeBy, Revision, RevisionSummary
from src.rendering import RENDERER_VERSION

from .tables import ArticleRevisionRow, ArticleRow

_SUMMARY = [getattr(ArticleRevisionRow, name) for name in RevisionSummary.model_fields]


class RevisionRepository:
    """The revisions of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add_machine(
        self, article_id: ArticleId, content: Content, *, stage_revision: int, made_at: datetime
    ) -> tuple[Revision, bool]:
        """Store what the stages made, and return whether it is new.

        A stage revision has one revision: a second one of it is not stored, the first is returned.
        """
        latest = await self._lock(article_id)
        if known := await self._find(article_id, ArticleRevisionRow.stage_revision == stage_revision):
            return known, False
        added = await self._add(
            article_id,
            content,
            number=(latest or 0) + 1,
            parent=latest,
            made_by=MadeBy.MACHINE,
            stage_revision=stage_revision,
            created_at=made_at,
        )
        return added, True

    async def add_human(
        self, article_id: ArticleId, content: Content, *, author: str, parent: int
    ) -> tuple[Revision, bool]:
        """Store what a person made of ``parent``; return whether it is new.

        A text that equals its parent is not stored, and the parent is returned. Raises NotFound for no such parent.
        """
        latest = await self._lock(article_id)
        changed = await self.get(article_id, parent)
        if changed.content_hash == content.hash:
            return changed, False
        number = (latest or 0) + 1
        added = await self._add(article_id, content, number=number, parent=parent, made_by=MadeBy.HUMAN, author=author)
        return added, True

    async def get(self, article_id: ArticleId, number: int) -> Revision:
        """Return the revision. Raises NotFound."""
        found = await self._find(article_id, ArticleRevisionRow.number == number)
        if found is None:
            raise NotFound("revision", number, article=article_id, hint=Hint.SHOW_ARTICLE)
        return found

    async def find_by_hash(self, article_id: ArticleId, beginning: str) -> Revision | None:
        """Return the newest revision whose text's hash begins so, None for none."""
        return await self._find(article_id, ArticleRevisionRow.content_hash.startswith(beginning, autoescape=True))

    async def lock_latest(self, article_id: ArticleId) -> Revision | None:
        """Return the newest revision; none is added until this transaction ends.

        None before there is one. Raises NotFound for no such article.
        """
        await self._lock(article_id)
        return await self.find_latest(article_id)

    async def find_latest(self, article_id: ArticleId) -> Revision | None:
        """Return the newest revision, None before there is one."""
        return await self._find(article_id)

    async def list_for_article(self, article_id: ArticleId) -> list[RevisionSummary]:
        """Return the article's revisions without their texts, oldest first."""
        statement = select(*_SUMMARY).where(ArticleRevisionRow.article_id == article_id)
        rows = await self._session.execute(statement.order_by(ArticleRevisionRow.number))
        return [RevisionSummary.model_validate(row) for row in rows]

    async def _lock(self, article_id: ArticleId) -> int | None:
        """Lock the article and return the number of its newest revision."""
        locked = select(ArticleRow.id).where(ArticleRow.id == article_id).with_for_update(key_share=True)
        if await self._session.scalar(locked) is None:
            raise NotFound("article", article_id)
        latest = select(ArticleRevisionRow.number).where(ArticleRevisionRow.article_id == article_id)
        number: int | None = await self._session.scalar(latest.order_by(ArticleRevisionRow.number.desc()).limit(1))
        return number

    async def _find(self, article_id: ArticleId, *which: ColumnElement[bool]) -> Revision | None:
        statement = select(ArticleRevisionRow).where(ArticleRevisionRow.article_id == article_id, *which)
        row = await self._session.scalar(statement.order_by(ArticleRevisionRow.number.desc()).limit(1))
        return Revision.model_validate(row) if row else None

    async def _add(self, article_id: ArticleId, content: Content, **columns: object) -> Revision:
        row = await self._session.scalar(
            insert(ArticleRevisionRow)
            .values(
                article_id=article_id,
                content=content.model_dump(mode="json"),
                content_hash=content.hash,
                renderer_version=RENDERER_VERSION,
                **columns,
            )
            .returning(ArticleRevisionRow)
        )
        return Revision.model_validate(row)
