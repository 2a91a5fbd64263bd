"""Decisions on many texts at once: a snapshot, typed and counted, with what was left out."""

from typing import Any

import pytest
from sqlalchemy import text

from src.domain.person import Grant, Role
from tests.many_articles import fill_with_waiting

from .conftest import Browser, TheDesk, words
from .test_queue_page import hidden, picks


@pytest.fixture(scope="module")
async def bulk(desk: TheDesk) -> TheDesk:
    """Twenty-one texts that wait."""
    await fill_with_waiting(desk.database, 20)
    return desk


async def statuses(desk: TheDesk) -> dict[str, int]:
    async with desk.database.engine.connect() as connection:
        rows = await connection.execute(text("SELECT status, count(*) FROM articles GROUP BY 1"))
        return {row[0]: row[1] for row in rows}


async def run(browser: Browser, page: str, **fields: Any) -> Any:
    body = {"key": hidden(page, "key"), "in": "", "pick": picks(page)} | fields
    return await browser.send("/desk/queue/run", **body)


async def test_a_bulk_decision_is_carried_out_once_and_lists_what_it_left_out(bulk: TheDesk) -> None:
    browser = await bulk.logged_in("anna")
    queue = await browser.get("/desk/queue")
    three = picks(queue.text)[:3]
    page = await browser.send("/desk/queue/bulk", pick=three, **{"in": "sort=newest"})
    assert picks(page.text) == three
    assert "waits for publication" in words(page)
    before = await statuses(bulk)

    wrong = await run(browser, page.text, do="approve", count="2")
    assert wrong.status_code == 422
    assert "3 are selected; type 3 to go on" in words(wrong)
    assert await statuses(bulk) == before
    assert hidden(wrong.text, "key") == hidden(page.text, "key")

    async with bulk.database.engine.begin() as connection:  # somebody else is faster
        await connection.execute(
            text("UPDATE articles SET status = 'rejected' WHERE id = :id"), {"id": three[0].partition(":")[0]}
        )
    stale = [three[0], three[1], three[2].partition(":")[0] + ":" + "0" * 64]
    result = await run(browser, page.text, do="approve", count="3", pick=stale)
    assert "1 article approved" in words(result)
    assert "2 were left out" in words(result)
    again = await run(browser, page.text, do="approve", count="3", pick=stale)
    assert "1 article approved" in words(again)
    assert (await statuses(bulk))["approved"] == 1


@pytest.mark.parametrize(
    ("fields", "expected", "status"),
    [
        ({"do": "changes", "change": "tone", "count": "2"}, "2 articles sent back for changes", "changes_requested"),
        ({"do": "reject", "rejection": "quality", "keyword": "never", "count": "2"}, "2 articles rejected", "rejected"),
        ({"do": "assign", "person": "anna"}, "2 articles assigned", None),
        ({"do": "snooze", "until": "2199-01-01T00:00:00+00:00"}, "2 articles put off", None),
    ],
)
async def test_all_of_a_filter_can_be_decided_on(
    bulk: TheDesk, fields: dict[str, str], expected: str, status: str | None
) -> None:
    browser = await bulk.logged_in("anna")
    page = await browser.get("/desk/queue/bulk", sort="newest")
    before = await statuses(bulk)
    result = await run(browser, page.text, pick=picks(page.text)[:2], **fields)
    assert expected in words(result)
    assert "None was left out" in words(result)
    if status:
        assert (await statuses(bulk))[status] == before.get(status, 0) + 2


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"do": "changes", "change": "other", "count": "1"}, "say what is to be changed"),
        ({"do": "changes", "change": "x", "count": "1"}, "choose one of the reasons"),
        ({"do": "reject", "rejection": "x", "count": "1"}, "choose one of the reasons"),
        ({"do": "delete"}, "choose what is to be done"),
        ({"do": "snooze", "until": "soon"}, "choose one of the reasons"),
        ({"do": "approve", "count": "1", "pick": []}, "Select articles first"),
    ],
)
async def test_a_bulk_form_with_a_mistake_comes_back(bulk: TheDesk, fields: dict[str, Any], problem: str) -> None:
    browser = await bulk.logged_in("anna")
    page = await browser.get("/desk/queue/bulk")
    before = await statuses(bulk)
    answer = await run(browser, page.text, **({"pick": picks(page.text)[:1]} | fields))
    assert (answer.status_code, await statuses(bulk)) == (422, before)
    assert problem in words(answer)


async def test_a_viewer_decides_on_nothing(bulk: TheDesk) -> None:
    await bulk.person("vera", [Grant(role=Role.VIEWER, site=None)])
    browser = await bulk.logged_in("vera")
    page = await browser.get("/desk/queue/bulk")
    before = await statuses(bulk)
    answer = await run(browser, page.text, do="approve", count=str(len(picks(page.text))))
    assert (answer.status_code, await statuses(bulk)) == (403, before)
