"""Articles for the pages that review them: plain ones, and one that tries everything."""

from collections.abc import Sequence
from typing import Any

from src.domain.content import ContentSection
from src.domain.finding import Finding, Severity
from src.domain.ids import ArticleId
from src.domain.revision import Revision
from src.infrastructure.database.unit_of_work import Database
from tests.finished_articles import finished_articles, save

BEACON = "https://beacon.example/called"
HOSTILE = (
    f"<script src='{BEACON}'></script><img src=x onerror=\"fetch('{BEACON}')\"><a href='javascript:alert(1)'>go</a>"
    f"<p id='desk-decide' class='btn pri' style='position:fixed'>over</p><svg onload=alert(1)>"
    f"<iframe src='{BEACON}'></iframe>"
    "</section></main><form id='desk-article'><base href='//evil.example/'>"
)


async def articles(database: Database, count: int) -> list[ArticleId]:
    """Return articles that wait for a decision, the longest waiting first."""
    refs = await finished_articles(database, count)
    for ref in refs:
        await save(database, ref)
    return [ref.article_id for ref in refs]


async def newest(database: Database, article: ArticleId) -> Revision:
    async with database.unit_of_work() as uow:
        text = await uow.revisions.find_latest(article)
    assert text is not None
    return text


async def rewritten(
    database: Database, article: ArticleId, *, author: str = "jonas", findings: Sequence[Finding] = (), **changes: Any
) -> Revision:
    """Store a person's revision with these fields of the content, as it stands, and what was found in it."""
    before = await newest(database, article)
    async with database.unit_of_work() as uow:
        content = before.content.model_copy(update=changes)
        text, _ = await uow.revisions.add_human(article, content, author=author, parent=before.number)
        await uow.findings.store(article, text.number, findings)
        await uow.reviews.begin_waiting(article)
    return text


async def hostile(database: Database, article: ArticleId, html: str = HOSTILE) -> Revision:
    """Store a text that no sanitiser saw, in every field, with findings and a comment alike."""
    text = await newest(database, article)
    sections = [each.model_copy(update={"heading": html, "html": html}) for each in text.content.sections[:1]]
    made = await rewritten(
        database,
        article,
        findings=[a_finding(message=html, span=html[:200], block=sections[0].id)],
        h1=html,
        title=html,
        description=html,
        introduction=html,
        tags=(html,),
        sections=(*sections, *text.content.sections[1:]),
    )
    async with database.unit_of_work() as uow:
        await uow.comments.add(article, made.number, None, span=html, by="jonas", text=html)
    return made


def a_finding(**facts: Any) -> Finding:
    plain = {"rule": "text.banned", "rule_version": 1, "severity": Severity.WARNING, "message": "a banned term"}
    return Finding.model_validate(plain | facts)


def changed(text: Revision, html: str, number: int = 0) -> tuple[ContentSection, ...]:
    """Return the sections, one with other HTML."""
    sections = list(text.content.sections)
    sections[number] = sections[number].model_copy(update={"html": html})
    return tuple(sections)
