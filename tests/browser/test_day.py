"""A day at the desk: an operator brings keywords and runs a batch, a reviewer reads, asks, edits, approves.

Then the operator pauses the schedule, sees what did not run, backfills it, and looks at the cost. The tests go on from
one another: it is one day.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from .homes import Home, Person, add_site, at_a_browser, published_pages

SITE = "day-shop"
KEYWORD = "how to drill into tiles without cracking them"
EXPORT = f"""Keyword;Volume
best wall plugs for plasterboard;1900
{KEYWORD};3600
sds plus vs sds max;1300
SDS plus vs SDS max;1300
;40
m8 bolt clearance hole;2400
"""
NOTE = "Less like an advert, and say what the plug carries."
SENTENCE = "Ask for the sheet of your board before you hang a television."


@pytest.fixture(scope="module")
async def operator(home: Home, browser: Browser) -> AsyncIterator[Person]:
    add_site(home, SITE, undo="2 s")
    async with at_a_browser(home, browser) as person:
        await person.log_in("owner")
        yield person


@pytest.fixture(scope="module")
async def reviewer(home: Home, browser: Browser) -> AsyncIterator[Person]:
    async with at_a_browser(home, browser) as person:
        await person.log_in("reviewer")
        yield person


@pytest.fixture(scope="module")
async def article(operator: Person) -> str:
    """Return the address of the article that is worked on."""
    listed = operator.home.longtail.json("article", "list", "--site", SITE)
    return f"/desk/articles/{next(each['id'] for each in listed if each['keyword'] == KEYWORD)}"


async def test_an_export_is_shown_before_it_is_stored(operator: Person, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text(EXPORT, "utf-8")
    page, longtail = operator.page, operator.home.longtail
    await operator.open(f"/desk/keywords/{SITE}")
    await page.locator("input[type=file]").set_input_files(export)
    await expect(page.get_by_role("heading", level=1)).to_contain_text("What is in")
    for told in ("4 new keywords", "1 double", "1 left out"):
        await expect(page.get_by_role("main")).to_contain_text(told)
    assert longtail.json("keywords", "list", SITE)["longtails"] == []
    await page.get_by_role("button", name="Add 4 keywords").click()
    await expect(page.locator("#desk-notice")).to_contain_text("4")
    assert len(longtail.json("keywords", "list", SITE)["longtails"]) == 4


async def test_a_batch_is_watched_live(operator: Person) -> None:
    page = operator.page
    operator.home.models.reset(latency=1.5)
    await operator.open("/desk/batches/new")
    await page.get_by_label("Site").select_option(SITE)
    await page.get_by_label("Articles at most").fill("3")
    await page.get_by_role("button", name="Start the batch").click()
    await page.locator("tbody a.kw").first.click()
    await page.evaluate("window.stayed = true")
    await expect(page.locator("#desk-state")).to_contain_text("Live")
    await expect(page.locator("#desk-done")).to_have_text("3 of 3 done")
    await expect(page.locator("#desk-state")).to_contain_text("Done")
    assert await page.evaluate("window.stayed"), "the page was loaded anew"
    operator.home.models.reset(latency=0.2)


async def test_a_reviewer_asks_for_changes_by_key(reviewer: Person, article: str) -> None:
    page = reviewer.page
    await page.keyboard.press("g")
    await page.keyboard.press("q")
    await page.wait_for_url("**/desk/queue*")
    await page.get_by_role("link", name=KEYWORD, exact=True).click()
    await expect(page.frame_locator("iframe[name=preview]").get_by_role("heading", level=1)).to_be_visible()
    await page.keyboard.press("r")
    await page.keyboard.press("3")
    await expect(page.locator(".decide details[open] input:checked")).to_have_value("tone")
    await page.get_by_label("Note to the writer").fill(NOTE)
    await page.get_by_role("button", name="Send back for r2").click()
    await expect(page.locator("#desk-notice")).to_contain_text("Sent back")
    await reviewer.reload_until(article, page.get_by_role("navigation", name="Revision").get_by_text("r2 now"))


async def test_two_of_three_blocks_are_taken_over(reviewer: Person, article: str) -> None:
    page = reviewer.page
    await reviewer.open(article)
    await page.keyboard.press("d")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("what you last decided on")
    blocks = await page.locator("#desk-diff [data-row]").count()
    assert blocks >= 3
    for digit in ("1", "1", "2"):
        await page.keyboard.press("j")
        await page.keyboard.press(digit)
    await expect(page.locator("#desk-choices")).to_have_text(f"{blocks - 1} accepted, 1 rejected")
    await page.get_by_role("button", name="Save as revision 3").click()
    await expect(page.get_by_role("navigation", name="Revision")).to_contain_text("r3 reviewer now")


async def test_a_sentence_is_added_in_the_editor(reviewer: Person, article: str) -> None:
    page = reviewer.page
    await reviewer.open(article)
    await page.keyboard.press("e")
    await page.locator("#desk-ed").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(f" {SENTENCE}")
    await page.keyboard.press("Control+s")
    await expect(page.locator("#desk-notice")).to_contain_text("Saved as revision 4")
    await expect(page.frame_locator("iframe[name=preview]").get_by_text(SENTENCE)).to_be_visible()


async def test_an_approval_by_key_goes_live(reviewer: Person, article: str) -> None:
    page = reviewer.page
    await reviewer.open(article)
    await expect(page.get_by_role("button", name=re.compile("^Approve, goes live"))).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.locator("#desk-notice")).to_contain_text("Approved")
    await expect(page.locator("#desk-notice")).to_contain_text(KEYWORD)
    await reviewer.reload_until(article, page.locator(".decide").get_by_text("Live", exact=True))
    live = [file.read_text("utf-8") for file in published_pages(reviewer.home, SITE)]
    assert len(live) == 1
    assert SENTENCE in live[0]


async def test_a_paused_slot_is_backfilled(operator: Person) -> None:
    page = operator.page
    slot = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if slot - datetime.now(UTC) < timedelta(seconds=20):  # what is set and paused in time cannot run
        slot += timedelta(minutes=1)
    await operator.open(f"/desk/schedules/{SITE}")
    await page.get_by_label("Clock times").fill(f"{slot:%H:%M}")
    await page.get_by_label("Time zone").fill("UTC")
    await page.get_by_label("Articles a run").fill("1")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.get_by_role("main")).to_contain_text("nothing is stored yet")
    await page.locator("[aria-labelledby=desk-preview]").get_by_role("button").first.click()
    await page.locator("form[action$='/pause']").get_by_label("Note").fill("new shop system")
    await page.get_by_role("button", name="Pause", exact=True).click()
    await expect(page.locator("#desk-notice")).to_contain_text("Paused")
    chosen = f"/desk/calendar?month={slot:%Y-%m}&site={SITE}&slot={slot:%Y-%m-%dT%H:%M:%SZ}"
    backfill = page.get_by_role("button", name="Backfill 1 slot, 1 article")
    await operator.reload_until(chosen, backfill, patience=100)
    await expect(page.get_by_role("complementary")).to_contain_text("new shop system")
    await backfill.click()
    await operator.reload_until(page.url.removeprefix(operator.home.origin), page.get_by_text("Done").first)
    assert {each["trigger"] for each in operator.home.longtail.json("batch", "list", SITE)} >= {"backfill"}


async def test_the_cost_is_there_to_be_seen(operator: Person) -> None:
    page = operator.page
    await operator.open(f"/desk/calls?site={SITE}")
    calls = operator.home.longtail.json("article", "list", "--site", SITE)
    assert len(calls) == 4
    await expect(page.get_by_role("main")).to_contain_text(
        re.compile(r"calls in this filter: [\d,]+ tokens in, .*\$0\.0[1-9]")
    )
    await page.locator("tbody a.kw").first.click()
    await expect(page.get_by_role("main")).to_contain_text("openai")
