"""Text that somebody types is not lost: two browsers at one article, an api that is killed, a session that ends."""

import re
import signal

import psutil
import pytest
from playwright.async_api import Browser, expect

from .homes import Home, Person, add_site, answers, at_a_browser, eventually

SITE = "editing-shop"
MINE, THEIRS = "Mara wrote this sentence.", "Jonas wrote that sentence."


@pytest.fixture(scope="module")
def section(home: Home) -> str:
    """Return the address of a section's editor."""
    add_site(home, SITE, undo="1 h")
    keywords = home.longtail.folder / "editing.txt"
    keywords.write_text("which wall plug for which wall", "utf-8")
    assert home.longtail.run("keywords", "import", SITE, str(keywords)).returncode == 0
    assert home.longtail.run("batch", "start", SITE, "--wait").returncode == 0
    article = home.longtail.json("review", "list", "--site", SITE)[0]["article_id"]
    first = home.longtail.json("review", "show", article)["text"]["content"]["sections"][0]["id"]
    return f"/desk/articles/{article}/edit/{first}"


async def type_at_the_end(person: Person, address: str, text: str) -> None:
    await person.open(address)
    await person.page.locator("#desk-ed").click()
    await person.page.keyboard.press("Control+End")
    await person.page.keyboard.type(f" {text}")
    await expect(person.page.locator("#desk-draft")).to_contain_text("kept in this browser")


async def test_two_who_edit_lose_nothing(home: Home, browser: Browser, section: str) -> None:
    async with at_a_browser(home, browser) as mara, at_a_browser(home, browser) as jonas:
        await mara.log_in("owner")
        await jonas.log_in("reviewer")
        await type_at_the_end(mara, section, MINE)
        await type_at_the_end(jonas, section, THEIRS)
        await jonas.page.keyboard.press("Control+s")
        await expect(jonas.page.locator("#desk-notice")).to_contain_text("Saved as revision 2")
        await mara.page.keyboard.press("Control+s")
        page = mara.page
        await expect(page.get_by_role("alert").first).to_contain_text("Somebody else saved")
        await expect(page.locator("#desk-ed")).to_contain_text(MINE)
        await expect(page.get_by_role("complementary")).to_contain_text(THEIRS)
        mara.seen.errors.clear()  # the browser names the answer 412
        await page.get_by_role("button", name=re.compile("^Keep mine")).click()
        await expect(page.locator("#desk-notice")).to_contain_text("Saved as revision 3")
    article = section.split("/")[3]
    revisions = home.longtail.json("review", "show", article)["revisions"]
    assert [each["author"] for each in revisions] == [None, "reviewer", "owner"]


async def test_the_api_is_killed_while_somebody_types(home: Home, browser: Browser, section: str) -> None:
    async with at_a_browser(home, browser) as mara:
        await mara.log_in("owner")
        await type_at_the_end(mara, section, "Unsaved words.")
        for each in psutil.Process(home.running.process.pid).children():
            if "api" in each.cmdline():
                each.send_signal(signal.SIGKILL)
                each.wait(30)
        await mara.page.keyboard.press("Control+s")
        await expect(mara.page.locator("#desk-trouble")).to_be_visible()
        await expect(mara.page.locator("#desk-ed")).to_contain_text("Unsaved words.")
        eventually(lambda: answers(f"{home.origin}/health/live"))
        mara.seen.errors.clear()
        await mara.open(section)
        await expect(mara.page.locator("#desk-ed")).to_contain_text("Unsaved words.")
        await mara.page.keyboard.press("Control+s")
        await expect(mara.page.locator("#desk-notice")).to_contain_text("Saved as revision")


async def test_a_session_ends_while_somebody_types(home: Home, browser: Browser, section: str) -> None:
    async with at_a_browser(home, browser) as mara:
        await mara.log_in("reviewer")
        await type_at_the_end(mara, section, "Words of an ended session.")
        assert home.longtail.run("user", "log-out", "reviewer").returncode == 0
        await mara.page.keyboard.press("Control+s")
        await expect(mara.page.locator("#desk-trouble")).to_contain_text(re.compile("log", re.IGNORECASE))
        mara.seen.errors.clear()
        await mara.log_in("reviewer")
        await mara.open(section)
        await expect(mara.page.locator("#desk-ed")).to_contain_text("Words of an ended session.")
