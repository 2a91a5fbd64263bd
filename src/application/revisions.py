"""Revisions of articles that were finished before there were any."""

from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.ids import ArticleId
from src.domain.revision import Revision
from src.infrastructure.database.machine_texts import read_machine_text, store_machine_text
from src.infrastructure.database.unit_of_work import Database, UnitOfWork


async def ensure_revision(database: Database, article_id: ArticleId) -> Revision:
    """Return the article's newest revision; store what its stages made first.

    A revision and its findings are made of the stages' outputs where there is none of them yet. Raises NotFound, and
    Conflict for an article whose text is not complete.
    """

    return await database.run_in_transaction(lambda uow: ensured(uow, article_id))


async def ensured(uow: UnitOfWork, article_id: ArticleId) -> Revision:
    """Do what ``ensure_revision`` does, in a transaction of the caller's."""
    article = await uow.articles.get(article_id)
    if not article.status.is_complete:
        raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
    known = await uow.revisions.list_for_article(article_id)
    if not any(revision.stage_revision == article.revision for revision in known):
        await store_machine_text(uow, article_id, await read_machine_text(uow, article_id, article.revision))
    latest = await uow.revisions.find_latest(article_id)
    assert latest is not None  # noqa: S101 - it was stored above
    return latest
