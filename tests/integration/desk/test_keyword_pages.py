"""Keywords in the desk: nothing is stored before its verdicts were seen, and then exactly that."""

import html
import re
from typing import Any

import pytest
from httpx2 import Response

from src.api.desk.uploads import KEPT_BYTES
from src.application.keywords import list_keywords
from src.domain.longtail import LongtailStatus
from src.domain.person import Grant, Role
from src.intake.delimited import MAX_BYTES
from tests.applications import ANNA
from tests.factories import a_site

from .conftest import Browser, TheDesk, words

SITE = "hardware-shop"
LIST = f"/desk/keywords/{SITE}/keyword-list"
EXPORTS = {
    "title lines above the header.csv": b"Keyword Stats\n1 January\nKeyword,Currency,Avg. searches\nbest tap,GBP,590\n",
    "two columns.csv": b"Query,Clicks\nhow to fix a tap,33\n",
    "pipes.csv": b"keyword|volume\nbest tap|90\n",
    "windows-1252.csv": "Keyword;Suchvolumen\nHahn für draußen;720\n".encode("cp1252"),
    "figures.csv": b"keyword,volume\na tap,100K+\nb tap,Low\nc tap,1.9E+03\n",
    "errors of a spreadsheet.csv": b"keyword,volume\n#NAME?,1\n#REF!,2\n",
    "a quote never closed.csv": b'keyword,volume\n"a tap,1\nb tap,2\n',
}
MIXED = """\
keyword;volume
how to bleed a radiator;1900
<b>markup</b>;3
日本語の長い語;70
كيفية إصلاح صنبور;9
How to bleed a radiator;12
two;abc
"""


@pytest.fixture(scope="module")
async def site(desk: TheDesk) -> str:
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=SITE))
    await desk.person("otto", [Grant(role=Role.OPERATOR, site=SITE)])
    await desk.person("vera", [Grant(role=Role.VIEWER, site=SITE)])
    return SITE


@pytest.fixture
async def otto(desk: TheDesk, site: str) -> Browser:
    assert site
    browser = await desk.logged_in("otto")
    await browser.get(LIST)
    return browser


async def stored(desk: TheDesk) -> list[str]:
    return [row.phrase for row in (await list_keywords(desk.database, SITE, by=ANNA, limit=1000)).longtails]


async def upload(browser: Browser, data: bytes, *, name: str = "list.csv", **fields: str) -> Response:
    sent: dict[str, Any] = {"csrf": browser.token, **fields}
    return await browser.client.post(LIST, data=sent, files={"file": (name, data, "text/csv")})


def hidden(page: Response) -> dict[str, str]:
    """Return the fields of the second step's form."""
    form = page.text.partition("data-second")[2].partition("</form>")[0]
    found = re.findall(r'name="(seen|verdicts|kept|name)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found}


async def test_an_empty_site_teaches_the_next_step(otto: Browser) -> None:
    answer = await otto.get("/desk/keywords")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/keywords/{SITE}")
    page = await otto.get(f"/desk/keywords/{SITE}")
    assert "Step 2 of 3" in page.text
    assert 'type="file"' in page.text


async def test_a_list_is_stored_as_it_was_shown_and_not_before(desk: TheDesk, otto: Browser) -> None:
    shown = await upload(otto, MIXED.encode())
    told = words(shown)
    assert "3 new keywords" in told
    assert "2 left out" in told
    assert "same phrase as line 2" in told
    assert "it holds markup or an address; write the plain phrase" in told
    assert "volume: 'abc' cannot be used" in told
    assert "<b>markup" not in shown.text
    assert await stored(desk) == []

    second = hidden(shown)
    assert (await otto.send(LIST, **(second | {"seen": "0" * 64}))).status_code == 409
    other = await upload(otto, b"another\n", **{name: second[name] for name in ("seen", "verdicts")})
    assert (other.status_code, await stored(desk)) == (409, [])

    answer = await otto.send(LIST, **second)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/keywords/{SITE}")
    assert sorted(await stored(desk)) == ["how to bleed a radiator", "كيفية إصلاح صنبور", "日本語の長い語"]
    again = await otto.send(LIST, **second)  # what is new has changed since: shown anew
    assert again.status_code == 409
    assert "0 new keywords" in words(again)


async def test_a_large_list_is_not_kept_in_the_page_but_compared(desk: TheDesk, otto: Browser) -> None:
    data = "\n".join(f"large list phrase number {number}" for number in range(8_000)).encode()
    assert len(data) > KEPT_BYTES
    shown = await upload(otto, data, name="C:\\lists\\large\x00.txt")
    assert "8,000 new keywords" in words(shown)
    assert "and 7,800 more" in words(shown)
    second = hidden(shown)
    assert "kept" not in second
    assert len(shown.content) < KEPT_BYTES
    nothing = await otto.send(LIST, **second)
    assert (nothing.status_code, "choose a file" in words(nothing)) == (422, True)
    answer = await upload(otto, data, name="large.txt", seen=second["seen"], verdicts=second["verdicts"])
    assert answer.status_code == 303
    assert len(await stored(desk)) == 1000  # of the first page that the test reads


async def test_pasted_lists_are_read_too(otto: Browser) -> None:
    page = await otto.send(LIST, text="pasted phrase\n# a comment\n")
    assert "1 new keyword" in words(page)
    assert hidden(page)["name"] == "pasted list"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it holds no keywords"),
        (b"keyword,volume\n", "it holds no keywords"),
        (bytes(range(256)) * 40, "not UTF-8"),
        ("keyword\tvolume\nä\t1\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest of an archive", "spreadsheet or an archive"),
    ],
    ids=["empty", "header alone", "binary", "UTF-16", "archive"],
)
async def test_a_file_that_cannot_be_read_says_why(otto: Browser, data: bytes, told: str) -> None:
    page = await upload(otto, data, name="<i>evil</i>.csv")
    assert page.status_code in (200, 422)
    assert page.status_code == 200 or told in words(page)
    assert "<i>evil" not in page.text


async def test_lists_that_people_export_never_break_the_page(otto: Browser) -> None:
    for name, data in EXPORTS.items():
        page = await upload(otto, data, name=name)
        assert page.status_code in (200, 422), name
        assert "cannot be read" in words(page).lower() or "new keyword" in words(page), name


async def test_a_file_that_is_too_large_gets_a_page(otto: Browser) -> None:
    answer = await upload(otto, b"x" * (MAX_BYTES + 200_000))
    assert answer.status_code == 413
    assert "That is too large" in words(answer)


async def test_keywords_are_filtered_paged_and_made_ready_again(desk: TheDesk, otto: Browser) -> None:
    async with desk.database.unit_of_work() as uow:
        await uow.sites.get(SITE)
    page = await otto.get(f"/desk/keywords/{SITE}", containing="radiator", status="ready")
    assert "how to bleed a radiator" in page.text
    assert "日本語" not in page.text
    first = await otto.get(f"/desk/keywords/{SITE}", limit="2")
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following
    assert "cursor=" in following[1]
    assert (await otto.get(f"/desk/keywords/{SITE}", containing="no such words")).text.count("No keyword matches") == 1
    nothing = await otto.send(f"/desk/keywords/{SITE}/requeue")
    assert nothing.status_code == 303
    listed = await list_keywords(desk.database, SITE, by=ANNA, limit=1, status=LongtailStatus.FAILED)
    assert listed.longtails == []


async def test_who_may_only_read_sees_no_way_to_change(desk: TheDesk, site: str) -> None:
    vera = await desk.logged_in("vera")
    page = await vera.get(f"/desk/keywords/{site}")
    assert "keyword-list" not in page.text
    assert 'name="phrase"' not in page.text
    assert (await vera.get(LIST)).status_code == 403
    assert (await upload(vera, b"x\n")).status_code == 403
