"""The audit trail in the desk: filtered, in pages, downloaded, and whatever it holds is text."""

import csv
import io
import json
from collections.abc import AsyncIterator

import pytest

from src.api.desk.changes import changes
from src.application.sites import add_site
from src.domain.permissions import Action
from src.domain.person import Grant, Role
from src.domain.principal import Principal
from tests.applications import ANNA
from tests.factories import a_site

from .conftest import Browser, TheDesk, words

HERE, ELSEWHERE = "hardware-shop", "garden-shop"
NASTY = "<img src=x onerror=alert(1)>"
MANY = 60


@pytest.fixture(scope="module")
async def trail(desk: TheDesk) -> TheDesk:
    for slug in (HERE, ELSEWHERE):
        await add_site(desk.database, a_site(slug=slug, base_url=f"https://{slug}.example"), by=ANNA)
    nobody = Principal.owner(NASTY, address=NASTY)
    async with desk.database.unit_of_work() as uow:
        for number in range(MANY):
            after = {"note": f"{NASTY} {number}", NASTY: [NASTY]}
            await uow.audit.record(Action.HOLD_SET, HERE, by=nobody, site=HERE, after=after)
        await uow.audit.record(Action.HOLD_RELEASE, ELSEWHERE, by=ANNA, site=ELSEWHERE, before={"note": "gone"})
    await desk.person("olga", [Grant(role=Role.OPERATOR, site=HERE)])
    return desk


@pytest.fixture
async def anna(trail: TheDesk) -> AsyncIterator[Browser]:
    browser = await trail.logged_in("anna")
    yield browser
    await browser.client.aclose()


async def test_html_in_notes_names_and_fields_is_text(anna: Browser) -> None:
    page = await anna.get("/desk/audit", noun="hold")
    assert (page.status_code, NASTY in page.text) == (200, False)
    assert page.text.count("&lt;img src=x onerror=alert(1)&gt;") > MANY / 2
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_pages_follow_one_another_and_lead_back(anna: Browser) -> None:
    first = await anna.get("/desk/audit", noun="hold")
    assert "hold release" in words(first)
    assert "First page" not in words(first)
    following = first.text.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert following.startswith("/desk/audit?noun=hold&before=")
    second = await anna.get(following)
    assert first.text.count("<b>hold set</b>") + second.text.count("<b>hold set</b>") == MANY
    assert "Next page" not in words(second)
    assert "First page" in words(second)


async def test_filters_narrow_the_list_and_are_taken_away_one_by_one(anna: Browser) -> None:
    page = await anna.get("/desk/audit", site=ELSEWHERE, noun="hold", who="anna")
    assert page.text.count("<tr>") == 2
    assert 'href="/desk/audit?site=garden-shop&amp;who=anna"' in page.text
    assert "<option selected>garden-shop</option>" in page.text
    nothing = await anna.get("/desk/audit", who="nobody")
    assert "No event fits" in words(nothing)
    assert "No event fits" in words(await anna.get("/desk/audit", since="2199-01-01"))
    assert (await anna.get("/desk/audit", since="yesterday")).status_code == 422


async def test_an_operator_of_one_site_sees_and_downloads_that_ones_alone(trail: TheDesk) -> None:
    olga = await trail.logged_in("olga")
    page = await olga.get("/desk/audit")
    assert (page.status_code, ELSEWHERE in page.text) == (200, False)
    assert "/desk/audit/export" not in page.text
    assert "/desk/audit/export" in (await olga.get("/desk/audit", site=HERE)).text
    assert (await olga.get("/desk/audit/export")).status_code == 403
    assert (await olga.get("/desk/audit", site=ELSEWHERE)).status_code == 403
    lines = (await olga.get("/desk/audit/export", site=HERE, form="jsonl")).text.splitlines()
    assert {json.loads(line)["site"] for line in lines} == {HERE}


async def test_the_trail_is_downloaded_without_a_token(anna: Browser) -> None:
    answer = await anna.get("/desk/audit/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["action"] for row in rows if row["noun"] == "hold"] == ["set"] * MANY + ["release"]
    assert ("anna", "log in", "desk") in {(row["who"], row["action"], row["origin"]) for row in rows}


def test_a_change_names_what_differs() -> None:
    assert changes(None, {"a": "x", "b": None}) == [("a", None, "x")]
    assert changes({"a": "x", "b": 1, "c": 2}, {"b": 1, "c": [3]}) == [("c", "2", "[3]"), ("a", "x", None)]
    assert changes(None, None) == []
