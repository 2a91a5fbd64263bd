"""The lists of articles and of model calls: filters, sums, pages, and who may read what."""

import re

import pytest

from src.domain.person import Grant, Role
from tests.many_articles import fill_with_waiting

from .conftest import Browser, TheDesk, words

ROWS = 60
_MORE = (
    """INSERT INTO sites (slug, description)
       SELECT 'other-shop', description || '{"slug": "other-shop", "base_url": "https://o.example/"}' FROM sites""",
    """UPDATE model_calls SET status = 'failed', error_type = 'ModelOverloaded', error_message = '<script>beacon()',
           cost_usd = NULL, answer = '<script>beacon()</script>' || chr(10) || 'Größe', model = 'odd "model" & co'
       WHERE id IN (SELECT id FROM model_calls ORDER BY id LIMIT 3)""",
    """UPDATE articles SET status = 'failed', failed_stage = 'C', error_type = 'X', attempts = 3,
           error_message = '<img src=x>', keyword = '登山靴 <b>'
           WHERE id = (SELECT id FROM articles WHERE content_hash = 'h' ORDER BY id LIMIT 1)""",
    "DELETE FROM stage_outputs WHERE stage = 'D' AND article_id = (SELECT max(id::text)::uuid FROM articles)",
    "UPDATE articles SET status = 'generating' WHERE id = (SELECT max(id::text)::uuid FROM articles)",
    """INSERT INTO stage_failures (article_id, revision, stage, kind, failures, error_type, message)
       SELECT id, revision, 'D', 'outage', 4, 'ModelOverloaded', 'the model is <busy>' FROM articles
       WHERE status = 'generating'""",
    """INSERT INTO stage_failures (article_id, revision, stage, kind, failures, error_type, message)
       SELECT id, revision, 'A', 'outage', 1, 'ModelOverloaded', 'it got over that' FROM articles
       WHERE status = 'needs_review' LIMIT 5""",
)


@pytest.fixture(scope="module")
async def full(desk: TheDesk) -> TheDesk:
    """Sixty articles with their calls; one failed, one struggles, three calls failed."""
    await fill_with_waiting(desk.database, ROWS, calls=True)
    async with desk.database.engine.begin() as connection:
        for statement in _MORE:
            await connection.exec_driver_sql(statement)
    await desk.person("vic", [Grant(role=Role.VIEWER, site="hardware-shop")])
    await desk.person("other", [Grant(role=Role.VIEWER, site="other-shop")])
    return desk


@pytest.fixture
async def vic(full: TheDesk) -> Browser:
    return await full.logged_in("vic")


@pytest.mark.parametrize(
    ("path", "total"),
    [
        ("/desk/articles", ROWS + 1),
        ("/desk/calls", 4 * ROWS),
        ("/desk/calls?stage=A", ROWS),
        ("/desk/articles?q=xyz", 0),
    ],
)
async def test_pages_have_every_row_once(vic: Browser, path: str, total: int) -> None:
    found: list[str] = []
    here: str | None = path
    while here:
        page = await vic.get(here)
        assert page.status_code == 200, page.text
        found += re.findall(r'class="kw" href="([^"]+)"', page.text)
        following = re.search(r'href="([^"]+)" rel="next"', page.text)
        here = following[1].replace("&amp;", "&") if following else None
    assert len(found) == len(set(found)) == total


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/desk/articles?status=failed", "state: failed"),
        ("/desk/articles?status=failed", "登山靴 <b> <img src=x>"),
        ("/desk/articles?struggling=yes", "tried 4 times"),
        ("/desk/articles?struggling=yes", "the model is <busy>"),
        ("/desk/articles?q=nothing", "No article matches this filter"),
        ("/desk/calls", f"{4 * ROWS} calls"),
        ("/desk/calls", f"{900 * 4 * ROWS:,} tokens in"),
        ("/desk/calls", "3 without a known price"),
        ("/desk/calls?status=failed", "3 calls in this filter"),
        ("/desk/calls?status=failed", "<script>beacon()"),
        ("/desk/calls?model=nothing&stage=B", "No call matches all 2 filters"),
    ],
)
async def test_a_list_says_what_it_shows(vic: Browser, path: str, expected: str) -> None:
    page = await vic.get(path)
    assert page.status_code == 200
    assert expected in words(page)
    assert "<script>beacon" not in page.text
    assert "<img src=x" not in page.text
    assert " style=" not in page.text


async def test_struggling_is_one_that_is_tried_again(vic: Browser) -> None:
    page = await vic.get("/desk/articles?struggling=yes")
    assert page.text.count("data-row") == 1
    assert "3 of 4 stages done, D is tried again" in page.text


async def test_a_call_is_shown_as_text(vic: Browser) -> None:
    page = await vic.get("/desk/calls?status=failed")
    call = re.findall(r'href="(/desk/calls/[^"]+)"', page.text)[0]
    shown = await vic.get(call)
    assert shown.status_code == 200
    assert "&lt;script&gt;beacon()&lt;/script&gt;\nGröße" in shown.text
    assert "no known price" in words(shown)


async def test_others_sites_stay_hidden(full: TheDesk, vic: Browser) -> None:
    page = await vic.get("/desk/calls")
    call = re.findall(r'href="(/desk/calls/[^"]+)"', page.text)[0]
    other = await full.logged_in("other")
    assert (await other.get(call)).status_code == 403
    assert (await other.get("/desk/calls?site=hardware-shop")).status_code == 403
    assert (await other.get("/desk/articles?site=hardware-shop")).status_code == 403
    assert "No model was called yet" in words(await other.get("/desk/calls"))
    assert "No article was written yet" in words(await other.get("/desk/articles"))


@pytest.mark.parametrize(
    "path",
    [
        "/desk/calls?stage=Z",
        "/desk/articles?status=odd",
        "/desk/articles?batch=1",
        "/desk/calls?after=xyz",
        "/desk/calls/1",
    ],
)
async def test_a_wrong_address_is_an_error_page(vic: Browser, path: str) -> None:
    page = await vic.get(path)
    assert page.status_code == 422
    assert "Log out" in page.text
