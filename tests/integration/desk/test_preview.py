"""The page in the sandboxed frame: any revision, its findings marked, and nothing in it may act."""

import re

import pytest

from src.domain.ids import ArticleId

from .articles import a_finding, articles, changed, hostile, newest, rewritten
from .conftest import Browser, TheDesk


@pytest.fixture(scope="module")
async def known(desk: TheDesk) -> list[ArticleId]:
    return await articles(desk.database, 2)


@pytest.fixture(scope="module")
async def anna(desk: TheDesk, known: list[ArticleId]) -> Browser:
    return await desk.logged_in("anna")


async def test_every_revision_is_shown_with_its_findings_marked(
    desk: TheDesk, known: list[ArticleId], anna: Browser
) -> None:
    first = await newest(desk.database, known[0])
    block = first.content.sections[0].id
    findings = [a_finding(span="three turns", block=block), a_finding(block=block)]
    html = "<p>Never more than three turns.</p>"
    await rewritten(desk.database, known[0], sections=changed(first, html), findings=findings)
    shown = await anna.get(f"/desk/articles/{known[0]}/preview")
    assert 'than <mark id="f1" data-n="1" class="w">three turns</mark>.' in shown.text
    assert re.search(r'<h2 [^>]+><mark id="f2"', shown.text)
    earlier = await anna.get(f"/desk/articles/{known[0]}/preview", r=1)
    assert "three turns" not in earlier.text
    assert (await anna.get(f"/desk/articles/{known[0]}/preview", r=9)).status_code == 404


async def test_a_hostile_page_may_do_nothing(desk: TheDesk, known: list[ArticleId], anna: Browser) -> None:
    await hostile(desk.database, known[1])
    shown = await anna.get(f"/desk/articles/{known[1]}/preview")
    policy = shown.headers["content-security-policy"]
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= {each.strip() for each in policy.split(";")}
    assert "script-src" not in policy
    assert shown.headers["x-frame-options"] == "SAMEORIGIN"
    assert shown.headers["x-content-type-options"] == "nosniff"
    page = await anna.get(f"/desk/articles/{known[1]}")
    frame = re.search(r"<iframe [^>]*>", page.text)
    assert frame is not None
    assert re.search(r" sandbox(?!=)", frame[0])


async def test_strangers_see_no_page(desk: TheDesk, known: list[ArticleId]) -> None:
    answer = await desk.browser().get(f"/desk/articles/{known[0]}/preview")
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/desk/login")
