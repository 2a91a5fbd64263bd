"""The page of any revision as it will look, its findings marked."""

from datetime import UTC, datetime

from src.domain.content import Approval, Publication
from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.person import public_name
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database


async def get_marked_page(
    database: Database, article_id: ArticleId, number: int | None = None, *, by: Principal
) -> str:
    """Return the page as this person's approval would make it.

    Its findings are marked.

    ``number`` None is the newest revision. Raises NotFound, NotPermitted, Conflict for an article without a text.
    """
    from src.rendering.marked_page import marked_page  # noqa: PLC0415 - its template engine is slow to load
    from src.rendering.page import render  # noqa: PLC0415 - likewise

    async with database.unit_of_work() as uow:
        by.require(Action.SITE_READ, (await uow.articles.get(article_id)).site)
        if number is None:
            text = await uow.revisions.find_latest(article_id)
        else:
            text = await uow.revisions.get(article_id, number)
        if text is None:
            raise Conflict(ConflictReason.ARTICLE_HAS_NO_PAGE, article_id, hint=Hint.SHOW_ARTICLE)
        findings = await uow.findings.list_for_revision(article_id, text.number)
    now = datetime.now(UTC).replace(microsecond=0)
    approval = Approval(reviewer=public_name(by.name, by.person), at=now)
    dates = Publication(published_at=now, modified_at=now, canonical=text.content.address)
    return marked_page(render(text.content, approval, dates), findings)
