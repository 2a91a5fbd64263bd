"""Shows texts to be edited, and what edits would do."""

import asyncio
import re
from collections import Counter

from pydantic import BaseModel, ConfigDict

from src.domain.article import Article
from src.domain.content import Content
from src.domain.difference import Hunk
from src.domain.edit import TextEdit
from src.domain.errors import Hint, NotFound
from src.domain.finding import Finding
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.revision import Revision
from src.infrastructure.database.unit_of_work import Database
from src.quality.findings import check
from src.rendering.differences import compare
from src.rendering.edits import edited
from src.rendering.sanitiser import TAG

from .revisions import ensured, require_hash

_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


class EditableText(BaseModel):
    """An article's newest text, and the site's time zone.

    Attributes:
        base: the text that an edit was begun with, if that is another one.
    """

    model_config = ConfigDict(frozen=True)

    article: Article
    text: Revision
    base: Revision | None
    time_zone: str


class EditPreview(BaseModel):
    """What an edit would do; nothing is stored.

    Attributes:
        content: the text as it would be.
        hunks: what would differ from the text that was edited.
        gone: findings that it would mend.
        new: findings that it would bring.
        kept: how many there are before and after.
    """

    model_config = ConfigDict(frozen=True)

    content: Content
    hunks: list[Hunk]
    words_added: int
    words_removed: int
    gone: list[Finding]
    new: list[Finding]
    kept: int


async def get_editable_text(
    database: Database, article_id: ArticleId, *, by: Principal, base: str | None = None
) -> EditableText:
    """Return the newest text of the article.

    ``base`` is the hash of an older one.

    Raises NotFound, NotPermitted, and Conflict for an article whose text is not complete.
    """
    if base is not None:
        require_hash(base)
    async with database.unit_of_work() as uow:
        article = await uow.articles.get(article_id)
        by.require(Action.REVIEW_EDIT, article.site)
        text = await ensured(uow, article_id)
        older = None
        if base is not None and not text.content_hash.startswith(base):
            older = await uow.revisions.find_by_hash(article_id, base)
        site = await uow.sites.get(article.site)
        return EditableText(article=article, text=text, base=older, time_zone=site.time_zone)


async def preview_edit(
    database: Database, article_id: ArticleId, edit: TextEdit, *, parent: str, by: Principal
) -> EditPreview:
    """Return what an edit would do.

    ``parent`` is the beginning of a hash.

    Raises NotFound, NotPermitted, and InputInvalid as the edit itself does.
    """
    require_hash(parent)
    async with database.unit_of_work() as uow:
        article = await uow.articles.get(article_id)
        by.require(Action.REVIEW_EDIT, article.site)
        base = await uow.revisions.find_by_hash(article_id, parent)
        if base is None:
            raise NotFound("revision", parent, article=article_id, hint=Hint.SHOW_ARTICLE)
        site = await uow.stage_outputs.get_site(article_id)
        known: list[Finding] = [*await uow.findings.list_for_revision(article_id, base.number)]

    def previewed() -> EditPreview:
        content = edited(base.content, edit)
        found = known if content == base.content else check(content, site)
        before, after = Counter(map(_what, known)), Counter(map(_what, found))
        added, removed = _words(base.content, content)
        return EditPreview(
            content=content,
            hunks=compare(base.content, content),
            words_added=added,
            words_removed=removed,
            gone=_more(known, before - after),
            new=_more(found, after - before),
            kept=(before & after).total(),
        )

    return await asyncio.to_thread(previewed)  # rules and comparison are work of milliseconds, not of an event loop


def _what(finding: Finding) -> tuple[str, str | None, str | None]:
    return finding.rule, finding.block, finding.span


def _more(findings: list[Finding], wanted: Counter[tuple[str, str | None, str | None]]) -> list[Finding]:
    """Return those of the findings that are wanted, so often."""
    left, chosen = wanted.copy(), []
    for finding in findings:
        if left[_what(finding)] > 0:
            left[_what(finding)] -= 1
            chosen.append(finding.model_copy())
    return chosen


def _words(before: Content, after: Content) -> tuple[int, int]:
    """Return how many words come and how many go."""
    old, new = _counted(before), _counted(after)
    return (new - old).total(), (old - new).total()


def _counted(content: Content) -> Counter[str]:
    lines = [content.h1, content.title, content.description, content.og_title, content.og_description, *content.tags]
    texts = [content.introduction, *(part for each in content.sections for part in (each.heading, each.html))]
    return Counter(_WORD.findall(" ".join([*lines, *(TAG.sub(" ", text) for text in texts)])))
