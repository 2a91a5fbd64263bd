"""The queue's list: decisions in it, edits from it, and long names on a phone."""

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, expect

from .homes import Home, add_site, at_a_browser
from .measures import too_wide

SITE = "long-shop"
NAME = "Møbel & Söhne 👩🏽‍🔧🪛🧰 " + "Schraubenzieher" * 3
COUNT = 4
PHRASES = (
    "x" * 120,
    "שלום עולם איך לתלות מדף על קיר לבנים",
    "棚をレンガの壁に取り付ける方法" * 4,
    "how to hang a shelf",
)


@pytest.fixture(scope="module")
def site(home: Home) -> str:
    """A site with a long name, and texts about long keywords that wait for a review."""
    add_site(home, SITE, undo="1 h")
    file = home.longtail.folder / f"{SITE}.toml"
    lines = file.read_text("utf-8").splitlines()
    named = [f'name = "{NAME}"' if line.startswith("name = ") else line for line in lines]
    file.write_text("\n".join(named), "utf-8")
    keywords = home.longtail.folder / "long.txt"
    keywords.write_text("\n".join(PHRASES), "utf-8")
    home.models.reset(latency=0.0)
    for command in (
        ("site", "add", str(file)),
        ("keywords", "import", SITE, str(keywords)),
        ("batch", "start", SITE, "--limit", str(COUNT), "--wait"),
    ):
        done = home.longtail.run(*command)
        assert done.returncode == 0, done.stderr
    return SITE


async def test_long_names_fit_a_phone(home: Home, browser: Browser, site: str) -> None:
    async with at_a_browser(home, browser, width=390) as person:
        await person.log_in("owner")
        await person.open(f"/desk/queue?site={site}")
        await expect(person.page.locator("[data-row]")).to_have_count(COUNT)
        assert not await too_wide(person.page)
        await person.page.get_by_text("More filters").click()
        assert not await too_wide(person.page)
        for row in range(COUNT):
            await person.open(f"/desk/queue?site={site}")
            await person.page.locator("[data-row] a.kw").nth(row).click()
            await person.page.locator("#desk-title").wait_for()
            assert not await too_wide(person.page)


async def test_an_edit_keeps_the_place_and_counts_follow_decisions(home: Home, browser: Browser, site: str) -> None:
    async with at_a_browser(home, browser) as person:
        page = person.page
        await person.log_in("reviewer")
        await person.open(f"/desk/queue?site={site}")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/desk/articles/*")
        following = await page.locator('a[rel~="next"]').get_attribute("href")
        assert following is not None
        await page.keyboard.press("e")
        await page.locator("#desk-ed").wait_for()
        await page.locator("#desk-ed p").first.click()
        await page.keyboard.type("Measure twice. ")
        await page.keyboard.press("Control+s")
        await expect(page.locator("#desk-notice")).to_contain_text("Saved as revision 2")
        assert f"site={site}" in parse_qs(urlsplit(page.url).query)["in"][0]
        await expect(page.locator('a[rel~="next"]')).to_have_attribute("href", following)

        await person.open(f"/desk/queue?site={site}")
        tab = page.locator('.tabs [aria-current="true"], .tabs [aria-current="page"]')
        await expect(tab).to_contain_text(str(COUNT))
        await expect(page.locator("#desk-first")).to_contain_text(f"the first of {COUNT}")
        await page.keyboard.press("j")
        for left in range(COUNT - 1, 0, -1):
            await page.keyboard.press("a")
            await expect(page.locator("[data-row]")).to_have_count(left)
            await expect(tab).to_contain_text(str(left))
            await expect(page.locator("#desk-first")).to_contain_text(f"the first of {left}")
        await page.keyboard.press("a")
        await expect(page.get_by_role("heading", name="No article matches")).to_be_visible()
        await expect(page.locator("#desk-notice")).to_contain_text("Approved")
