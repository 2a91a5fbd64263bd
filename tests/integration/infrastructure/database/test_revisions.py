"""Texts of articles: stored once each with their findings, at an address of their own."""

import asyncio

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from src.application.articles import get_article_details, get_page
from src.application.revisions import ensure_revision
from src.domain.article import ArticleRef, ArticleStatus
from src.domain.errors import Conflict, NotFound
from src.domain.finding import Severity
from src.domain.revision import MadeBy, Revision
from src.infrastructure.database.tables import ArticleRow
from src.infrastructure.database.unit_of_work import Database
from src.quality.findings import check
from tests.answers import KEYWORD, short_site
from tests.applications import ANNA
from tests.finished_articles import SITE, finished_articles, save, store_outputs


async def edited(database: Database, base: Revision, title: str) -> tuple[Revision, bool]:
    content = base.content.model_copy(update={"title": title})
    async with database.unit_of_work() as uow:
        return await uow.revisions.add_human(base.article_id, content, author="ida", parent=base.number)


async def latest(database: Database, ref: ArticleRef) -> Revision:
    async with database.unit_of_work() as uow:
        found = await uow.revisions.find_latest(ref.article_id)
    assert found is not None
    return found


async def test_saving_an_article_stores_its_text_its_findings_and_its_address(database: Database) -> None:
    (ref,) = await finished_articles(database)
    page_hash = await save(database, ref)
    details = await get_article_details(database, ref.article_id, by=ANNA)
    (revision,) = details.revisions
    assert (revision.number, revision.made_by, revision.author, revision.parent) == (1, MadeBy.MACHINE, None, None)
    assert (revision.stage_revision, details.article.page_hash) == (1, page_hash)
    printed = details.article.model_dump()  # scripts may read the first names
    assert (printed["revision"], printed["content_hash"]) == (printed["stage_revision"], page_hash)
    text = await latest(database, ref)
    assert text.content.hash == text.content_hash == revision.content_hash
    page = await get_page(database, ref.article_id, by=ANNA)
    async with database.unit_of_work() as uow:
        assert page.html == await uow.articles.find_html(ref.article_id)  # what the version before shows
        (longtail,) = await uow.longtails.list_for_site(SITE)
    assert longtail.slug == page.slug == text.content.slug == "fix-leaky-tap"


async def test_a_broken_rule_is_stored_with_the_text_it_was_found_in(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    assert (await get_article_details(database, ref.article_id, by=ANNA)).findings == []
    worse, _ = await edited(database, await latest(database, ref), "Short")
    async with database.unit_of_work() as uow:
        await uow.findings.store(ref.article_id, worse.number, check(worse.content, short_site()))
    found = (await get_article_details(database, ref.article_id, by=ANNA)).findings
    assert [(each.rule, each.revision, each.severity) for each in found] == [
        ("head.title_length", 2, Severity.WARNING),
        ("head.title_without_keyword", 2, Severity.WARNING),
    ]
    assert (found[0].value, found[0].limit) == (5, 30)


async def test_saving_again_changes_nothing(database: Database) -> None:
    (ref,) = await finished_articles(database)
    assert await save(database, ref) == await save(database, ref)
    assert len((await get_article_details(database, ref.article_id, by=ANNA)).revisions) == 1


async def test_articles_of_a_site_never_share_an_address(database: Database) -> None:
    refs = await finished_articles(database, 8)
    await asyncio.gather(*(save(database, ref) for ref in refs))
    pages = [await get_page(database, ref.article_id, by=ANNA) for ref in refs]
    assert {page.slug for page in pages} == {"fix-leaky-tap", *(f"fix-leaky-tap-{n}" for n in range(2, 9))}
    for page in pages:
        assert f'<link rel="canonical" href="https://shop.example/{page.slug}">' in page.html


async def test_the_address_stays_whatever_a_later_revision_proposes(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    again = ref.model_copy(update={"revision": 2})
    await store_outputs(database, again, slug="another-address", title="How to fix a leaky tap yourself")
    await save(database, again)
    revision = await latest(database, ref)
    assert (revision.number, revision.stage_revision, revision.parent) == (2, 2, 1)
    assert revision.content.slug == "fix-leaky-tap"
    assert revision.content.title == "How to fix a leaky tap yourself"


@pytest.mark.parametrize("status", [ArticleStatus.CANCELLED, ArticleStatus.APPROVED, ArticleStatus.PARKED])
async def test_a_late_end_stores_no_text(database: Database, status: ArticleStatus) -> None:
    (ref,) = await finished_articles(database)
    async with database.engine.begin() as connection:
        await connection.execute(update(ArticleRow).values(status=status))
    await save(database, ref)
    details = await get_article_details(database, ref.article_id, by=ANNA)
    assert (details.revisions, details.article.status) == ([], status)
    async with database.unit_of_work() as uow:
        (longtail,) = await uow.longtails.list_for_site(SITE)
    assert longtail.slug is None


async def test_a_persons_text_is_the_next_revision_and_an_untouched_one_is_none(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    first = await latest(database, ref)
    same, is_new = await edited(database, first, first.content.title)
    assert (same, is_new) == (first, False)
    second, is_new = await edited(database, first, "How to fix a leaky tap, by Ida")
    assert is_new
    assert (second.number, second.made_by, second.author, second.parent) == (2, MadeBy.HUMAN, "ida", 1)
    assert "<title>How to fix a leaky tap, by Ida</title>" in (await get_page(database, ref.article_id, by=ANNA)).html
    async with database.unit_of_work() as uow:
        assert (await uow.revisions.get(ref.article_id, 1)).content == first.content
        with pytest.raises(NotFound, match="revision"):
            await uow.revisions.get(ref.article_id, 3)
        with pytest.raises(NotFound, match="revision"):
            await uow.revisions.add_human(ref.article_id, first.content, author="ida", parent=7)


async def test_revisions_that_are_added_at_once_get_numbers_without_holes(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    first = await latest(database, ref)
    added = await asyncio.gather(*(edited(database, first, f"How to fix a leaky tap {n}") for n in range(6)))
    assert sorted(revision.number for revision, _ in added) == [2, 3, 4, 5, 6, 7]


async def test_a_stored_text_comes_back_as_it_was(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    odd = (await latest(database, ref)).content.model_copy(update={"h1": "«ñ» 🔧 \u00a0 & <b>", "tags": ()})
    async with database.unit_of_work() as uow:
        await uow.revisions.add_human(ref.article_id, odd, author="ida", parent=1)
    stored = await latest(database, ref)
    assert (stored.content, stored.content.hash) == (odd, stored.content_hash)


async def test_a_waiver_is_kept_with_its_reason_and_the_first_one_stays(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    revision, _ = await edited(database, await latest(database, ref), "cheap")
    async with database.unit_of_work() as uow:
        found = check(revision.content, short_site(banned_terms=["cheap"]))
        await uow.findings.store(ref.article_id, 2, found)
        await uow.findings.store(ref.article_id, 2, found)
    async with database.unit_of_work() as uow:
        blocking = (await uow.findings.list_for_revision(ref.article_id, 2))[0]
        assert blocking.blocks
        waived = await uow.findings.waive(ref.article_id, 2, 0, by="ida", reason="a quote")
        again = await uow.findings.waive(ref.article_id, 2, 0, by="bo", reason="me too")
        assert (waived, waived.blocks) == (again, False)
        assert (waived.waived_by, waived.waived_reason) == ("ida", "a quote")
        assert len(await uow.findings.list_for_revision(ref.article_id, 2)) == len(found)
        with pytest.raises(NotFound, match="finding"):
            await uow.findings.waive(ref.article_id, 2, 99, by="ida", reason="none")


async def test_an_article_of_an_older_version_gets_its_revision_from_its_stages(database: Database) -> None:
    (ref,) = await finished_articles(database)
    with pytest.raises(Conflict, match="no page yet"):
        await ensure_revision(database, ref.article_id)
    async with database.unit_of_work() as uow:
        await uow.articles.save(ref.article_id, html="<p>old", content_hash="0", words=1, offline=False)
    assert (await get_page(database, ref.article_id, by=ANNA)).html == "<p>old"
    made = await ensure_revision(database, ref.article_id)
    assert (made.number, made.stage_revision, made.content.keyword) == (1, 1, KEYWORD)
    assert await ensure_revision(database, ref.article_id) == made
    later, _ = await edited(database, made, "How to fix a leaky tap, by Ida")
    assert await ensure_revision(database, ref.article_id) == later


async def test_two_longtails_with_one_slug_are_refused_by_the_database(database: Database) -> None:
    refs = await finished_articles(database, 2)
    for ref in refs:
        await save(database, ref)
    async with database.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="uq_longtails_site_slug"):
            await connection.exec_driver_sql("UPDATE longtails SET slug = 'fix-leaky-tap'")
