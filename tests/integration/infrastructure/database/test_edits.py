"""A person's edit of an article: a revision of its own, of the newest text only."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from src.application.articles import get_article_details
from src.application.revisions import Revisions, ensure_revision, get_difference
from src.domain.article import ArticleRef, ArticleStatus
from src.domain.edit import SectionEdit, TextEdit
from src.domain.errors import Conflict, InputInvalid, NotFound, NotPermitted, TextReplaced
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.revision import MadeBy, Revision
from src.infrastructure.database.tables import ArticleRow
from src.infrastructure.database.unit_of_work import Database
from tests.finished_articles import finished_articles, save

IDA, BEN = Principal.owner("ida"), Principal.owner("ben")


async def written(database: Database) -> tuple[ArticleRef, Revision]:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    return ref, await ensure_revision(database, ref.article_id)


async def set_status(database: Database, status: ArticleStatus) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(update(ArticleRow).values(status=status))


def a_title(title: str) -> TextEdit:
    return TextEdit(title=title)


async def test_an_edit_is_a_revision_with_findings_of_its_own(database: Database) -> None:
    ref, first = await written(database)
    edit = TextEdit(title="Short", sections={"part-1": SectionEdit(text="<p>Mine.<script>x</script></p>")})
    result = await Revisions(database, by=IDA).edit(ref.article_id, edit, parent=first.content_hash)
    revision = result.revision
    assert result.is_new
    assert (revision.number, revision.made_by, revision.author, revision.parent) == (2, MadeBy.HUMAN, "ida", 1)
    assert revision.content.sections[0].html == "<p>Mine.</p>"
    assert [finding.rule for finding in result.findings][:1] == ["head.title_length"]
    details = await get_article_details(database, ref.article_id, by=IDA)
    assert details.findings == result.findings
    async with database.unit_of_work() as uow:
        (event,) = await uow.audit.list_for("review", str(ref.article_id))
    assert (event.who, event.action, event.site) == ("ida", "edit", ref.site)
    assert event.before == {"status": "needs_review", "revision": 1, "content_hash": first.content_hash}
    assert event.after == {"status": "needs_review", "revision": 2, "content_hash": revision.content_hash}


async def test_untouched_text_makes_no_revision_and_changes_no_status(database: Database) -> None:
    ref, first = await written(database)
    await set_status(database, ArticleStatus.APPROVED)
    sections = {each.id: SectionEdit(text=each.html) for each in first.content.sections}
    edit = TextEdit(title=first.content.title, sections=sections)
    result = await Revisions(database, by=IDA).edit(ref.article_id, edit, parent=first.content_hash)
    assert (result.is_new, result.revision, result.status) == (False, first, ArticleStatus.APPROVED)
    async with database.unit_of_work() as uow:
        assert await uow.audit.list_for("review", str(ref.article_id)) == []


async def test_an_edit_of_an_outdated_text_is_told_what_replaced_it_and_by_whom(database: Database) -> None:
    ref, first = await written(database)
    newer = await Revisions(database, by=IDA).edit(ref.article_id, a_title("Ida's"), parent=first.content_hash)
    with pytest.raises(TextReplaced) as refused:
        await Revisions(database, by=BEN).edit(ref.article_id, a_title("Ben's"), parent=first.content_hash)
    facts = refused.value.facts
    assert (facts["by"], facts["revision"], facts["current"]) == ("ida", 2, newer.revision.content_hash)
    with pytest.raises(NotFound, match=f"no revision '{'0' * 64}' of article {ref.article_id}$"):
        await Revisions(database, by=BEN).edit(ref.article_id, a_title("Ben's"), parent="0" * 64)


async def test_an_edit_calls_its_text_by_the_first_characters_of_its_hash(database: Database) -> None:
    ref, first = await written(database)
    revisions = Revisions(database, by=IDA)
    with pytest.raises(InputInvalid, match="at least 8 characters"):
        await revisions.edit(ref.article_id, a_title("Ida's"), parent=first.content_hash[:7])
    edited = await revisions.edit(ref.article_id, a_title("Ida's"), parent=first.content_hash[:12])
    assert (edited.is_new, edited.revision.parent) == (True, 1)
    again = await revisions.edit(ref.article_id, a_title("Ida's"), parent=first.content_hash[:12])
    assert (again.is_new, again.revision.number) == (False, 2)
    with pytest.raises(TextReplaced, match="replaced it"):
        await revisions.edit(ref.article_id, a_title("Another"), parent=first.content_hash[:12])


async def test_of_two_edits_at_once_one_is_stored(database: Database) -> None:
    ref, first = await written(database)
    results = await asyncio.gather(
        *(
            Revisions(database, by=who).edit(ref.article_id, a_title(f"{who.name}'s"), parent=first.content_hash)
            for who in (IDA, BEN)
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["EditResult", "TextReplaced"]


async def test_an_edit_that_is_sent_twice_is_stored_once(database: Database) -> None:
    ref, first = await written(database)
    revisions = Revisions(database, by=IDA)
    stored = await revisions.edit(ref.article_id, a_title("Ida's"), parent=first.content_hash)
    again = await revisions.edit(ref.article_id, a_title("Ida's"), parent=first.content_hash)
    assert (again.is_new, again.revision) == (False, stored.revision)


@pytest.mark.parametrize("status", [ArticleStatus.APPROVED, ArticleStatus.CHANGES_REQUESTED, ArticleStatus.PARKED])
async def test_an_edited_article_awaits_a_review_again(database: Database, status: ArticleStatus) -> None:
    ref, first = await written(database)
    await set_status(database, status)
    result = await Revisions(database, by=IDA).edit(ref.article_id, a_title("Ida's"), parent=first.content_hash)
    article = (await get_article_details(database, ref.article_id, by=IDA)).article
    assert (result.status, article.status) == (ArticleStatus.NEEDS_REVIEW, ArticleStatus.NEEDS_REVIEW)


@pytest.mark.parametrize("status", [ArticleStatus.REJECTED, ArticleStatus.WITHDRAWN, ArticleStatus.QUEUED])
async def test_what_is_over_or_under_way_is_not_edited(database: Database, status: ArticleStatus) -> None:
    ref, first = await written(database)
    await set_status(database, status)
    with pytest.raises(Conflict):
        await Revisions(database, by=IDA).edit(ref.article_id, a_title("Ida's"), parent=first.content_hash)


async def test_who_may_not_edit_there_is_refused(database: Database) -> None:
    ref, first = await written(database)
    olga = Person(
        name="olga",
        display_name="Olga",
        email=None,
        os_user=None,
        disabled_at=None,
        created_at=datetime.now(UTC),
        grants=(Grant(role=Role.OPERATOR, site=ref.site), Grant(role=Role.REVIEWER, site="garden")),
    )
    revisions = Revisions(database, by=Principal(name="olga", origin=Origin.API, person=olga))
    with pytest.raises(NotPermitted):
        await revisions.edit(ref.article_id, a_title("Olga's"), parent=first.content_hash)


async def test_parts_of_another_revision_are_taken_over_one_by_one(database: Database) -> None:
    ref, first = await written(database)
    revisions = Revisions(database, by=IDA)
    with pytest.raises(NotFound, match="no revision before '1' of article"):
        await get_difference(database, ref.article_id, by=IDA)
    edit = TextEdit(title="Ida's own title", sections={"part-2": SectionEdit(text="<p>Only a spanner.</p>")})
    second = (await revisions.edit(ref.article_id, edit, parent=first.content_hash)).revision
    difference = await get_difference(database, ref.article_id, by=IDA)
    assert (difference.before.number, difference.after.number) == (1, 2)
    title, part = difference.hunks
    assert (title.place, part.place, part.base) == ("title", "part-2", first.content_hash)
    accepted: dict[str, Any] = {"before": 1, "after": 2, "parent": second.content_hash}
    with pytest.raises(InputInvalid):
        await revisions.accept(ref.article_id, ["0" * 16], **accepted)
    with pytest.raises(TextReplaced):
        await revisions.accept(ref.article_id, [part.id], **accepted | {"parent": first.content_hash})
    assert not (await revisions.accept(ref.article_id, [title.id, part.id], **accepted)).is_new
    third = await revisions.accept(ref.article_id, [part.id], **accepted)
    assert (third.is_new, third.revision.number, third.revision.parent) == (True, 3, 2)
    assert third.revision.content.title == first.content.title
    assert third.revision.content.sections == second.content.sections
    back = await revisions.accept(ref.article_id, [], before=1, after=3, parent=third.revision.content_hash)
    assert back.revision.content == first.content
