"""The comparison page: four names, block by block, and a stale hash loses no choice."""

import re

import pytest

from src.application.revisions import get_difference
from src.domain.difference import HunkKind
from src.domain.ids import ArticleId
from src.domain.person import Grant, Role
from tests.applications import ANNA
from tests.finished_articles import SITE

from .articles import articles, changed, hostile, newest, rewritten
from .conftest import Browser, TheDesk, words


@pytest.fixture(scope="module")
async def known(desk: TheDesk) -> list[ArticleId]:
    return await articles(desk.database, 5)


@pytest.fixture(scope="module")
async def rita(desk: TheDesk, known: list[ArticleId]) -> Browser:
    await desk.person("rita", [Grant(role=Role.REVIEWER, site=SITE)])
    return await desk.logged_in("rita")


def path(article: ArticleId) -> str:
    return f"/desk/articles/{article}/diff"


async def three_changes(desk: TheDesk, article: ArticleId) -> None:
    """Change a title, a paragraph and the order of the sections."""
    text = await newest(desk.database, article)
    first, second, *others = changed(text, "<p>Never more than three turns.</p>", 2)
    await rewritten(desk.database, article, title="Another title", sections=(second, first, *others))


async def test_the_first_revision_has_nothing_beside_it(known: list[ArticleId], rita: Browser) -> None:
    page = await rita.get(path(known[0]))
    assert page.status_code == 200
    assert "This is the first revision" in words(page)


async def test_two_blocks_of_three_are_taken_over(desk: TheDesk, known: list[ArticleId], rita: Browser) -> None:
    article = known[1]
    before = await newest(desk.database, article)
    await three_changes(desk, article)
    page = await rita.get(path(article))
    assert "Last revision, r1" in words(page)
    assert "Last by a person" not in words(page)
    assert "<ins>" in page.text
    assert "moved up" in words(page)
    hunks = {each.kind: each.id for each in (await get_difference(desk.database, article, by=ANNA)).hunks}
    fields = hidden(page.text) | {f"b-{id_}": "y" for id_ in hunks.values()} | {f"b-{hunks[HunkKind.LINE]}": "n"}
    saved = await rita.send(path(article), **fields)
    assert saved.status_code == 303
    made = await newest(desk.database, article)
    assert (made.number, made.author, made.content.title) == (3, "rita", before.content.title)
    assert "three turns" in made.content.sections[2].html
    assert made.content.sections[0] == before.content.sections[1]


async def test_accepting_all_makes_no_revision(desk: TheDesk, known: list[ArticleId], rita: Browser) -> None:
    page = await rita.get(path(known[1]))
    assert (await rita.send(path(known[1]), **hidden(page.text))).status_code == 303
    assert "Nothing changed" in words(await rita.get("/desk/keys"))
    assert (await newest(desk.database, known[1])).number == 3


async def test_a_stale_text_is_refused_with_the_choices_kept(
    desk: TheDesk, known: list[ArticleId], rita: Browser
) -> None:
    article = known[2]
    await three_changes(desk, article)
    page = await rita.get(path(article))
    hunks = {each.kind: each.id for each in (await get_difference(desk.database, article, by=ANNA)).hunks}
    await rewritten(desk.database, article, author="paul", description="Written meanwhile.")
    stale = await rita.send(path(article), **hidden(page.text), **{f"b-{hunks[HunkKind.LINE]}": "n"})
    assert stale.status_code == 412
    assert "paul" in words(stale)
    assert re.search(rf'name="b-{hunks[HunkKind.LINE]}" value="n" checked', stale.text)
    assert "Written" in words(stale)
    again = await rita.send(path(article), **hidden(stale.text), **{f"b-{hunks[HunkKind.LINE]}": "n"})
    assert again.status_code == 303
    assert (await newest(desk.database, article)).content.description == "Written meanwhile."


async def test_names_lead_to_revisions(desk: TheDesk, known: list[ArticleId], rita: Browser) -> None:
    article = known[3]
    text = await newest(desk.database, article)
    await rita.get(f"/desk/articles/{article}")
    fields = {"d": "changes", "why": "tone", "content_hash": text.content_hash}
    await rita.send(f"/desk/articles/{article}/decide", **fields)
    await rewritten(desk.database, article, h1="By Jonas")
    await rewritten(desk.database, article, h1="By Jonas again", author="jonas")
    page = await rita.get(path(article))
    assert "Revision 3 against what you last decided on" in words(page)
    for name, number in (("decision", 1), ("revision", 2), ("human", 2)):
        named = await rita.get(path(article), vs=name)
        assert f'name="before" value="{number}"' in named.text
    assert "There is no such revision" in words(await rita.get(path(article), vs="live"))
    assert (await rita.get(path(article), vs="nonsense")).status_code == 422
    assert (await rita.get(path(article), vs="77")).status_code == 404


async def test_what_was_seen_is_folded(desk: TheDesk, known: list[ArticleId], rita: Browser) -> None:
    await rita.get(path(known[2]))
    await rita.send(f"/desk/articles/{known[2]}/seen")
    assert "You have seen this" in words(await rita.get(path(known[2]), vs="1"))
    assert "You have seen this" not in words(await rita.get(path(known[2]), vs="1", all="1"))


async def test_marks_of_a_hostile_text_hold_no_element_of_others(
    desk: TheDesk, known: list[ArticleId], rita: Browser
) -> None:
    await hostile(desk.database, known[4])
    page = await rita.get(path(known[4]))
    assert page.status_code == 200
    main = page.text[page.text.index("<main") :]
    for text in re.findall(r'<div class="text"[^>]*>(.*?)</div>\n<div class="seg"', main, re.DOTALL):
        assert not re.search(r"<(script|img|svg|iframe|form|base|style|input)\b", text)
        assert not re.search(
            r"<[^>]* (id|class|style|on\w+)=", re.sub(r'class="(tag|soft small|plain-list)"', "", text)
        )
    assert page.text.count("<main") == page.text.count("</main>") == 1


def hidden(page: str) -> dict[str, str]:
    form = page[page.index('id="desk-diff"') :]
    return dict(re.findall(r'<input type="hidden" name="(before|after|parent|in)" value="([^"]*)"', form))
