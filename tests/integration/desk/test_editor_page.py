"""The editor: one part at a time, both texts when two save, and nothing of an article's that runs."""

import html
import re
from collections import deque
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from httpx2 import Response

from src.application import editing
from src.domain.edit import TextEdit, TextForm
from src.domain.person import Grant, Role
from src.rendering.markdown import to_markdown
from tests.applications import ANNA
from tests.finished_articles import SITE, finished_articles, save

from .conftest import Browser, TheDesk, words

HOSTILE = "<script>beacon()</script><img src=x onerror=beacon()><svg onload=beacon()>"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
async def untouched(desk: TheDesk) -> deque[str]:
    refs = await finished_articles(desk.database, 9)
    for ref in refs:
        await save(desk.database, ref)
    for name in ("mara", "jonas"):
        await desk.person(name, [Grant(role=Role.REVIEWER, site=SITE)])
    await desk.person("vera", [Grant(role=Role.VIEWER, site=SITE)])
    return deque(str(ref.article_id) for ref in refs)


@pytest.fixture
async def mara(desk: TheDesk, untouched: deque[str]) -> Browser:
    assert untouched
    return await desk.logged_in("mara")


async def newest(desk: TheDesk, article: str) -> Any:
    return (await editing.get_editable_text(desk.database, article, by=ANNA)).text  # type: ignore[arg-type]


def hidden(page: Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


def field(page: Response, id_: str) -> str:
    found = re.search(rf'<textarea[^>]* id="desk-{id_}"[^>]*>(.*?)</textarea>', page.text, re.DOTALL)
    assert found, page.text
    return html.unescape(found[1])


async def send(browser: Browser, page: Response, path: str, **changes: str) -> Response:
    """Send the form of the page as a browser without scripts does."""
    fields = {"parent": hidden(page, "parent"), "form": "markdown"}
    if 'name="text"' in page.text:
        fields["text"] = field(page, "text")
    if 'name="heading"' in page.text:
        fields["heading"] = hidden(page, "heading")
    return await browser.send(path, **(fields | changes))


async def test_parts_are_listed_and_one_is_saved_as_a_revision(
    desk: TheDesk, mara: Browser, untouched: deque[str]
) -> None:
    article = untouched.popleft()
    listed = await mara.get(f"/desk/articles/{article}/edit")
    content = (await newest(desk, article)).content
    for name in ("head", "lead", *(section.id for section in content.sections)):
        assert f"/desk/articles/{article}/edit/{name}" in listed.text
    section = content.sections[0]
    path = f"/desk/articles/{article}/edit/{section.id}"
    page = await mara.get(path)
    assert field(page, "text") == to_markdown(section.html)
    assert field(page, "source") == section.html
    answer = await send(mara, page, path, text=f"{field(page, 'text')}\n\nA *new* line.")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, f"/desk/articles/{article}")
    text = await newest(desk, article)
    assert (text.number, text.author) == (2, "mara")
    assert text.content.sections[0].html == f"{section.html}\n<p>A <em>new</em> line.</p>"


async def test_the_queue_goes_on_behind_an_edit(mara: Browser, untouched: deque[str]) -> None:
    article, following = untouched.popleft(), untouched[0]
    inside = f"state=needs-review&site={SITE}"
    read = await mara.get(f"/desk/articles/{article}?{urlencode({'in': inside})}")
    opened = re.search(r'href="([^"]*/edit/[^"]*)" data-key="e"', read.text)
    assert opened
    address = html.unescape(opened[1])
    page = await mara.get(address)
    assert hidden(page, "in") == inside
    saved = await send(mara, page, address.partition("?")[0], text="Other words.", **{"in": inside})
    after = await mara.get(saved.headers["location"])
    assert f'href="/desk/articles/{following}?{urlencode({"in": f"site={SITE}"})}"' in html.unescape(after.text)
    fields = {name: hidden(after, name) for name in ("content_hash", "key", "in")}
    decided = await mara.send(f"/desk/articles/{article}/decide", d="approve", **fields)
    assert decided.headers["location"].startswith(f"/desk/articles/{following}?")
    undo = re.search(r'action="([^"]*/undo[^"]*)"', (await mara.get(decided.headers["location"])).text)
    assert undo
    back = await mara.send(html.unescape(undo[1]))
    assert dict(parse_qsl(urlsplit(back.headers["location"]).query))["in"].startswith(inside)


async def test_untouched_text_makes_no_revision(desk: TheDesk, mara: Browser, untouched: deque[str]) -> None:
    article = untouched[0]
    before = await newest(desk, article)
    for name in ("lead", *(section.id for section in before.content.sections)):
        path = f"/desk/articles/{article}/edit/{name}"
        page = await mara.get(path)
        assert (await send(mara, page, path)).status_code == 303
        source = field(page, "source")
        assert (await send(mara, page, path, form="html", text=source)).status_code == 303
    assert await newest(desk, article) == before


async def test_the_head_is_edited_and_can_be_emptied(desk: TheDesk, mara: Browser, untouched: deque[str]) -> None:
    article = untouched.popleft()
    path = f"/desk/articles/{article}/edit/head"
    page = await mara.get(path)
    lines = {"h1": "B " * 120, "title": '"><b>', "description": "", "tags": "one, two\n, one"}
    assert (await send(mara, page, path, **lines)).status_code == 303
    content = (await newest(desk, article)).content
    assert (content.h1, content.title, content.description) == (("B " * 120).strip(), '"><b>', "")
    assert sorted(content.tags) == ["one", "two"]
    assert '"><b>' not in (await mara.get(path)).text


async def test_two_who_edit_the_same_section_lose_nothing(desk: TheDesk, mara: Browser, untouched: deque[str]) -> None:
    article = untouched.popleft()
    jonas = await desk.logged_in("jonas")
    before = (await newest(desk, article)).content
    path = f"/desk/articles/{article}/edit/{before.sections[0].id}"
    hers, his = await mara.get(path), await jonas.get(path)
    assert (await send(jonas, his, path, text="Text of Jonas.")).status_code == 303

    conflict = await send(mara, hers, path, text="Text of Mara.")
    assert conflict.status_code == 412
    assert field(conflict, "text") == "Text of Mara."
    assert field(conflict, "beside-text") == "Text of Jonas."
    assert "jonas saved revision 2" in words(conflict)
    assert (await newest(desk, article)).number == 2

    merging = await send(mara, conflict, path, way="merge")
    assert field(merging, "text") == "Text of Jonas."
    assert field(merging, "beside-text") == "Text of Mara."
    assert "<ins>Mara</ins>" in merging.text
    taken = await send(mara, conflict, path, way="theirs")
    assert (field(taken, "text"), field(taken, "beside-text")) == ("Text of Jonas.", "Text of Mara.")

    assert (await send(mara, conflict, path)).status_code == 303  # hers goes on, on top of his
    text = await newest(desk, article)
    assert (text.number, text.parent, text.content.sections[0].html) == (3, 2, "<p>Text of Mara.</p>")


async def test_two_who_edit_different_sections_are_both_kept(
    desk: TheDesk, mara: Browser, untouched: deque[str]
) -> None:
    article = untouched.popleft()
    jonas = await desk.logged_in("jonas")
    first, second, *_ = (await newest(desk, article)).content.sections
    hers, his = f"/desk/articles/{article}/edit/{first.id}", f"/desk/articles/{article}/edit/{second.id}"
    page, other = await mara.get(hers), await jonas.get(his)
    assert (await send(jonas, other, his, text="Of Jonas.")).status_code == 303
    assert (await send(mara, page, hers, text="Of Mara.")).status_code == 303
    content = (await newest(desk, article)).content
    assert [each.html for each in content.sections[:2]] == ["<p>Of Mara.</p>", "<p>Of Jonas.</p>"]


async def test_scripts_get_a_document_of_a_conflict_and_of_what_is_wrong(
    desk: TheDesk, mara: Browser, untouched: deque[str]
) -> None:
    article = untouched.popleft()
    text = await newest(desk, article)
    section = text.content.sections[0]
    path = f"/desk/articles/{article}/edit/{section.id}"
    await mara.get(path)
    fields = {"csrf": mara.token, "form": "html", "text": "<div>x</div>", "parent": text.content_hash}
    saved = await mara.client.post(path, data=fields, headers=JSON)
    assert saved.json()["location"].partition("?")[0] == f"/desk/articles/{article}"
    late = await mara.client.post(path, data=fields | {"text": "<div>y</div>"}, headers=JSON)
    assert (late.status_code, late.json()["type"]) == (412, "/problems/text-replaced")
    long = await mara.client.post(path, data=fields | {"text": "<p>x</p>" * 30_000}, headers=JSON)
    assert (long.status_code, long.json()["reason"]) == (422, "too_long")
    page = await mara.send(path, parent=text.content_hash, text="<p>x</p>" * 30_000)
    assert (page.status_code, field(page, "text")[:8]) == (422, "<p>x</p>")
    unknown = await mara.client.post(path, data=fields | {"parent": "0" * 64}, headers=JSON)
    assert unknown.status_code in (404, 412)


async def test_a_check_says_what_saving_would_do_and_stores_nothing(
    desk: TheDesk, mara: Browser, untouched: deque[str]
) -> None:
    article = untouched[0]
    before = await newest(desk, article)
    section = before.content.sections[0]
    path = f"/desk/articles/{article}/edit/{section.id}"
    await mara.get(path)
    fields = {"csrf": mara.token, "form": "html", "parent": before.content_hash, "text": section.html}
    same = (await mara.client.post(f"{path}/check", data=fields, headers=JSON)).json()
    assert (same["is_same"], same["words_added"], same["words_removed"], same["new"]) == (True, 0, 0, [])
    added = section.html + f'<p>Two words <a href="https://elsewhere.example/x">more</a>{HOSTILE}</p>'
    answer = (await mara.client.post(f"{path}/check", data=fields | {"text": added}, headers=JSON)).json()
    assert (answer["words_added"], answer["words_removed"]) == (3, 0)
    assert any("elsewhere.example" in each["message"] for each in answer["new"])
    assert "beacon" not in answer["html"]
    assert await newest(desk, article) == before


async def test_hostile_texts_are_escaped_wherever_the_editor_shows_them(
    desk: TheDesk, mara: Browser, untouched: deque[str]
) -> None:
    article = untouched.popleft()
    section = (await newest(desk, article)).content.sections[0]
    edit = TextEdit(form=TextForm.HTML, h1=HOSTILE, title=f"</textarea>{HOSTILE}", tags=(HOSTILE,))
    acting = desk.application.acting_as(ANNA)
    await acting.revisions.edit(article, edit, parent=(await newest(desk, article)).content_hash)  # type: ignore[arg-type]
    path = f"/desk/articles/{article}/edit/{section.id}"
    stale = await mara.get(path)
    again = TextEdit(form=TextForm.MARKDOWN, sections={section.id: {"heading": HOSTILE, "text": f"`{HOSTILE}`"}})
    await acting.revisions.edit(article, again, parent=hidden(stale, "parent"))  # type: ignore[arg-type]
    conflict = await send(mara, stale, path, text=f"</textarea>{HOSTILE}", heading=f'"{HOSTILE}')
    pages = [stale, conflict, await mara.get(path), await mara.get(f"/desk/articles/{article}/edit/head")]
    pages.append(await mara.get(f"/desk/articles/{article}/edit"))
    pages.append(await send(mara, conflict, path, way="merge", text=f"<p>{HOSTILE}</p>", form="html"))
    for page in pages:
        assert page.status_code in (200, 412)
        for tag in ("<script>beacon", "<img", "<svg onload"):
            assert tag not in page.text.replace('<img src="/desk/static', "")


async def test_who_may_not_edit_is_told_so(desk: TheDesk, untouched: deque[str]) -> None:
    article = untouched[0]
    vera = await desk.logged_in("vera")
    assert (await vera.get(f"/desk/articles/{article}/edit/lead")).status_code == 403
    nobody = desk.browser()
    answer = await nobody.get(f"/desk/articles/{article}/edit/lead")
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/desk/login")


async def test_there_is_no_such_part(mara: Browser, untouched: deque[str]) -> None:
    assert (await mara.get(f"/desk/articles/{untouched[0]}/edit/nowhere")).status_code == 404
