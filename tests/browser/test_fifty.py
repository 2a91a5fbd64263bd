"""Fifty articles in a row, by the keyboard alone; prints what the product took of each."""

import time
from statistics import median

from playwright.async_api import Browser, expect

from .homes import Home, add_site, at_a_browser

SITE = "fifty-shop"
COUNT = 50


async def test_fifty_are_approved_without_a_mouse(home: Home, browser: Browser) -> None:
    add_site(home, SITE, undo="1 h")
    keywords = home.longtail.folder / "fifty.txt"
    keywords.write_text(
        "\n".join(f"how to hang shelf number {number} on a brick wall" for number in range(COUNT)), "utf-8"
    )
    home.models.reset(latency=0.0)
    assert home.longtail.run("keywords", "import", SITE, str(keywords)).returncode == 0
    assert home.longtail.run("batch", "start", SITE, "--limit", str(COUNT), "--wait").returncode == 0
    async with at_a_browser(home, browser) as person:
        await person.log_in("reviewer")
        page = person.page
        await person.open(f"/desk/queue?site={SITE}")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/desk/articles/*")
        shown = []
        for done in range(COUNT):
            here = await page.locator("#desk-article").get_attribute("data-article")
            await page.wait_for_load_state("networkidle")  # somebody reads meanwhile; the next one is fetched
            last = done == COUNT - 1
            began = time.perf_counter()
            await page.keyboard.press("a")
            if last:
                await page.wait_for_url("**/desk/queue*")
            else:
                await page.wait_for_function(
                    "id => document.getElementById('desk-article')?.dataset.article !== id", arg=here
                )
                shown.append(time.perf_counter() - began)
        await expect(page.locator("#desk-notice")).to_contain_text("Approved")
        weights = [int(response.headers.get("content-length", 0)) for response in person.seen.responses]
    counted = home.longtail.json("review", "list", "--site", SITE, "--status", "approved")
    assert len(counted) == COUNT
    milliseconds = sorted(round(1000 * each) for each in shown)
    told = f"median {median(milliseconds)} ms, slowest {milliseconds[-1]} ms until the next one shows"
    weight = f"{len(weights) / COUNT:.1f} requests, {sum(weights) / 1000 / COUNT:.1f} KB an article"
    print(f"\n{COUNT} approvals by key: {told}; {weight}")
