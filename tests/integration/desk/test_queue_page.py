"""The queue's pages: what they show of real and of ugly rows, and decisions on many texts at once."""

import re
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from src.domain.person import Grant, Role
from tests.finished_articles import SITE
from tests.many_articles import fill_with_waiting

from .conftest import Browser, TheDesk, words

ROWS = 60
LONG = "what is the best way to hang a very heavy mirror " * 5
UGLY = {
    1: LONG[:240],
    2: "登山靴 サイズ 選び方",
    3: "أفضل مثقاب للخرسانة",
    4: "<script>beacon()</script> & \"quoted\" 'x'",
}
_MORE = (
    """INSERT INTO sites (slug, description)
       SELECT 'other-shop', description || '{"slug": "other-shop", "base_url": "https://o.example/"}' FROM sites""",
    """INSERT INTO findings (article_id, revision, number, rule, rule_version, severity, message)
       SELECT a.id, 1, 0, 'x.y', 1, 'blocking', 'm' FROM articles a JOIN longtails l ON l.id = longtail_id
       WHERE l.source = 'load' AND number % 20 = 7""",
    """UPDATE article_revisions SET content = content || '{"title": "<img src=x onerror=beacon()> Größe"}'
       FROM articles a JOIN longtails l ON l.id = longtail_id WHERE article_id = a.id AND l.number % 20 = 8""",
)


@pytest.fixture(scope="module")
async def full(desk: TheDesk) -> TheDesk:
    """Sixty texts that wait, some of them ugly, and people of every kind."""
    await fill_with_waiting(desk.database, ROWS)
    async with desk.database.engine.begin() as connection:
        for statement in _MORE:
            await connection.exec_driver_sql(statement)
        for number, keyword in UGLY.items():
            await connection.execute(
                text(
                    """UPDATE articles SET keyword = :keyword WHERE longtail_id =
                       (SELECT id FROM longtails WHERE source = 'load' ORDER BY number OFFSET :number LIMIT 1)"""
                ),
                {"keyword": keyword, "number": number},
            )
    await desk.person("rita", [Grant(role=Role.REVIEWER, site=SITE)], display_name="Rita <b>Moss</b>")
    await desk.person("vic", [Grant(role=Role.VIEWER, site=None)])
    await desk.person("other", [Grant(role=Role.REVIEWER, site="other-shop")])
    return desk


@pytest.fixture
async def rita(full: TheDesk) -> Browser:
    return await full.logged_in("rita")


def picks(page: str) -> list[str]:
    return re.findall(r'name="pick" value="([^"]+)"', page)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def test_a_page_shows_some_and_leads_to_the_rest(rita: Browser) -> None:
    page = await rita.get("/desk/queue")
    assert page.status_code == 200
    assert page.text.count("data-row") == 25
    assert re.search(r"Needs review <b>\d+</b>", page.text)
    assert 'aria-sort="descending"' in page.text
    following = re.search(r'href="([^"]+)" rel="next"', page.text)
    assert following is not None
    rest = await rita.get(following[1].replace("&amp;", "&"))
    assert not set(picks(page.text)) & set(picks(rest.text))
    assert rest.text.count("data-row") >= 10


async def test_ugly_values_are_text(rita: Browser) -> None:
    page = await rita.get("/desk/queue", sort="keyword")
    everything = page.text + (await rita.get("/desk/queue", sort="keyword-backwards")).text
    assert "<script>beacon" not in everything
    assert "&lt;script&gt;beacon" in everything
    assert "<img" not in everything.replace('<img src="/desk/static', "")
    assert "Größe" in everything
    assert "<b>Moss" not in everything
    assert UGLY[1] in everything
    assert UGLY[3] in everything
    assert 'dir="auto"' in everything
    assert " style=" not in everything


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"findings": "blocking"}, "with errors"),
        ({"q": "登山靴"}, "words: 登山靴"),
        ({"q": '"><script>x'}, 'words: "><script>x'),
        ({"lang": "xx"}, "No article matches this filter"),
        ({"q": "zzz", "score": "99"}, "No article matches all 2 filters"),
        ({"state": "live"}, "Nothing went live yet"),
        ({"who": "@me"}, "assignee: me"),
    ],
)
async def test_a_filter_is_said(rita: Browser, query: dict[str, str], expected: str) -> None:
    page = await rita.get("/desk/queue", **query)
    assert page.status_code == 200
    assert expected in words(page)
    assert "<script>x" not in page.text


async def test_a_filter_without_matches_says_what_there_is_without_it(rita: Browser) -> None:
    page = await rita.get("/desk/queue", q="zzz", findings="blocking")
    assert "Without “words: zzz”: 3" in words(page)


async def test_a_wrong_filter_is_an_error_page(rita: Browser) -> None:
    page = await rita.get("/desk/queue", age="soon")
    assert page.status_code == 422
    assert "Log out" in page.text


async def test_the_last_filter_opens_until_it_is_cleared(full: TheDesk) -> None:
    browser = await full.logged_in("rita")
    await browser.get("/desk/queue", findings="blocking", sort="worst")
    again = await browser.get("/desk/queue")
    assert again.status_code == 303
    assert dict(parse_qsl(urlsplit(again.headers["location"]).query)) == {"findings": "blocking", "sort": "worst"}
    await browser.get("/desk/queue?state=needs-review")
    assert (await browser.get("/desk/queue")).status_code == 200


async def test_who_may_only_read_gets_no_boxes(full: TheDesk) -> None:
    browser = await full.logged_in("vic")
    page = await browser.get("/desk/queue")
    assert page.text.count("data-row") == 25
    assert not picks(page.text)
    other = await full.logged_in("other")
    assert "Nothing waits for review" in words(await other.get("/desk/queue"))


async def test_claims_are_told(full: TheDesk, rita: Browser) -> None:
    page = await rita.get("/desk/queue")
    article = picks(page.text)[0].partition(":")[0]
    async with full.database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE reviews SET claimed_by = 'rita', claimed_until = now() + :length WHERE article_id = :id"),
            {"id": article, "length": timedelta(minutes=9)},
        )
    told = (await rita.get("/desk/queue/claims")).json()
    assert [(each["article"], each["by"]) for each in told] == [(article, "Rita <b>Moss</b>")]
    page = await rita.get("/desk/queue", claimed="yes")
    assert "Rita <b>Moss</b> reads it, 1 min" in words(page)
    other = await full.logged_in("other")
    assert (await other.get("/desk/queue/claims")).json() == []
