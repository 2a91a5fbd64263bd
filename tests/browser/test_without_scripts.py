"""Reading and deciding without JavaScript: every step is a link or a form."""

import re

from playwright.async_api import Browser, expect

from .homes import Home, add_site, at_a_browser

SITE = "plain-shop"
KEYWORDS = "which wall plug for which wall\nhow to fill a deep hole\nhow to oil a worktop\n"


async def test_the_queue_is_worked_off(home: Home, browser: Browser) -> None:
    add_site(home, SITE, undo="1 h")
    async with at_a_browser(home, browser, scripts=False) as owner:
        page = owner.page
        await owner.log_in("owner")
        await owner.open(f"/desk/keywords/{SITE}")
        await page.get_by_text("or paste a list").click()
        await page.locator("#desk-text").fill(KEYWORDS)
        await page.get_by_role("button", name="See what is in it").click()
        await page.get_by_role("button", name="Add 3 keywords").click()
        assert home.longtail.run("batch", "start", SITE, "--wait").returncode == 0

        await owner.open(f"/desk/queue?site={SITE}")
        await page.locator("tbody a.kw").first.click()
        await expect(page.frame_locator("iframe[name=preview]").get_by_role("heading", level=1)).to_be_visible()
        await page.get_by_role("button", name=re.compile("^Approve, goes live")).click()
        await expect(page.locator("#desk-notice")).to_contain_text("Approved")

        await page.get_by_text(re.compile("^Request changes")).click()
        await page.locator("input[name=why][value=tone]").check()
        await page.get_by_role("button", name=re.compile("^Send back")).click()
        await expect(page.locator("#desk-notice")).to_contain_text("Sent back")

        await page.get_by_role("link", name=re.compile("^Edit")).first.click()
        text = page.locator("#desk-text")
        await text.fill(f"{await text.input_value()}\n\nA sentence without a script.")
        await page.get_by_role("button", name=re.compile("^Save as revision 2")).click()
        await expect(page.locator("#desk-notice")).to_contain_text("Saved as revision 2")
        await page.get_by_text(re.compile("^Reject")).first.click()
        await page.locator("input[name=rej][value=duplicate]").check()
        await page.get_by_role("button", name="Reject for this reason").click()
        await expect(page.locator("#desk-notice")).to_contain_text("Rejected")
        await page.locator("header .me summary").click()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_role("button", name="Log in")).to_be_visible()
    statuses = [each["status"] for each in home.longtail.json("article", "list", "--site", SITE)]
    assert {"approved", "rejected"} <= set(statuses)
