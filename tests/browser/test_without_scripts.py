"""Reading and deciding with JavaScript off, from login to logout."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from .homes import Home, Person, add_site, at_a_browser

SITE = "plain-shop"
KEYWORDS = [f"how to fix shelf number {number} to a wall" for number in range(6)]
NOTE, SENTENCE = "Say which plug it was.", "Ask for the sheet of your board."


@pytest.fixture(scope="module")
async def owner(home: Home, browser: Browser) -> AsyncIterator[Person]:
    add_site(home, SITE, undo="1 h")
    async with at_a_browser(home, browser, scripts=False) as person:
        await person.log_in("owner")
        yield person


@pytest.fixture(scope="module")
async def articles(owner: Person) -> list[str]:
    """Import keywords in two steps, start a batch, and return the articles that wait."""
    page, longtail = owner.page, owner.home.longtail
    await owner.open(f"/desk/keywords/{SITE}")
    await page.get_by_text("or paste a list").click()
    await page.locator("#desk-text").fill("\n".join(["keyword,volume", *(f"{each},90" for each in KEYWORDS), ",4"]))
    await page.get_by_role("button", name="See what is in it").click()
    await expect(page.get_by_role("main")).to_contain_text("6 new keywords")
    assert longtail.json("keywords", "list", SITE)["longtails"] == []
    await page.get_by_role("button", name="Add 6 keywords").click()
    await expect(page.locator("#desk-notice")).to_contain_text("6")
    assert len(longtail.json("keywords", "list", SITE)["longtails"]) == len(KEYWORDS)
    assert longtail.run("batch", "start", SITE, "--wait").returncode == 0
    return [each["article_id"] for each in longtail.json("review", "list", "--site", SITE)]


def status_of(person: Person, article: str) -> str:
    listed = person.home.longtail.json("article", "list", "--site", SITE)
    return str(next(each["status"] for each in listed if each["id"] == article))


async def test_the_queue_is_filtered_and_read(owner: Person, articles: list[str]) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    await page.get_by_label("Site", exact=True).select_option(SITE)
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("tbody tr")).to_have_count(len(articles))
    await page.locator("#desk-q").fill("number 3")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.locator("tbody a.kw").click()
    frame = page.frame_locator("iframe[name=preview]")
    await expect(frame.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="next article")).to_have_count(0)  # it is alone in its filter
    await page.get_by_role("link", name="Markdown").click()
    await expect(page.get_by_role("main")).to_contain_text("## ")
    await page.get_by_role("link", name="Queue").first.click()
    await expect(page.locator("#desk-q")).to_have_value(re.compile("number 3|^$"))


async def test_changes_are_requested(owner: Person, articles: list[str]) -> None:
    page = owner.page
    await owner.open(f"/desk/articles/{articles[0]}")
    await page.locator("summary", has_text="Request changes").click()
    await page.get_by_label("tone").check()
    await page.get_by_label("Note to the writer").fill(NOTE)
    await page.get_by_role("button", name="Send back for r2").click()
    await expect(page.locator("#desk-notice")).to_contain_text("Sent back")


async def test_a_section_is_edited_as_markdown(owner: Person, articles: list[str]) -> None:
    page = owner.page
    await owner.open(f"/desk/articles/{articles[1]}")
    await page.get_by_role("link", name="Edit").click()
    field = page.get_by_label("Text of the section, as Markdown")
    await field.fill(f"{await field.input_value()}\n\n{SENTENCE}\n")
    await page.get_by_role("button", name="Save as revision 2").click()
    await expect(page.locator("#desk-notice")).to_contain_text("Saved as revision 2")
    await expect(page.frame_locator("iframe[name=preview]").get_by_text(SENTENCE)).to_be_visible()
    await page.get_by_role("link", name="Diff").click()
    await expect(page.locator("#desk-diff ins").filter(has_text=SENTENCE)).to_be_visible()


async def test_an_article_is_approved_and_another_rejected(owner: Person, articles: list[str]) -> None:
    page = owner.page
    await owner.open(f"/desk/articles/{articles[2]}")
    await page.get_by_role("button", name=re.compile("^Approve, goes live")).click()
    await expect(page.locator("#desk-notice")).to_contain_text("Approved")
    assert status_of(owner, articles[2]) == "approved"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#desk-notice")).to_be_visible()
    assert status_of(owner, articles[2]) == "needs_review"
    await owner.open(f"/desk/articles/{articles[3]}")
    await page.locator("summary", has_text="Reject").click()
    await page.get_by_label("not good enough").check()
    await page.get_by_role("button", name="Reject for this reason").click()
    await expect(page.locator("#desk-notice")).to_contain_text("Rejected")
    assert status_of(owner, articles[3]) == "rejected"


async def test_several_are_approved_at_once(owner: Person, articles: list[str]) -> None:
    page = owner.page
    await owner.open(f"/desk/queue?state=needs-review&site={SITE}")
    for article in articles[4:6]:
        await page.locator(f"input[name=pick][value^='{article}']").check()
    await page.get_by_role("button", name="Decide on the selected").click()
    await page.get_by_label("Type how many are selected").fill("3")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Not done")
    owner.seen.errors.clear()  # the browser names the answer 422
    assert status_of(owner, articles[4]) == "needs_review"
    await page.get_by_label("Type how many are selected").fill("2")
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("main")).to_contain_text("2")
    assert {status_of(owner, each) for each in articles[4:6]} == {"approved"}


async def test_one_logs_out(owner: Person, articles: list[str]) -> None:
    assert articles
    page = owner.page
    await owner.open("/desk/")
    await page.locator("header .me summary").click()
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/desk/login*")
    await owner.open("/desk/queue")
    await page.wait_for_url("**/desk/login?next=*")
