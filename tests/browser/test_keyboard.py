"""Every page by keyboard alone: Tab reaches all in order, keys do what their list says, and can be switched off."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from .days import Day
from .homes import Home, Person, at_a_browser
from .measures import settled

BY_TAB = ("queue", "article", "diff", "edit", "today", "schedules", "schedule", "calendar", "decide on all", "people")
GO = {"t": "/desk/", "q": "/desk/queue", "b": "/desk/batches", "c": "/desk/calendar", "s": "/desk/sites"}
MOST_TABS = 400
FRAME_PATIENCE = 3_000  # ms until a frame has taken the focus
ARTICLE_ORDER = (  # what comes before what, as selectors
    "a.skip",
    "nav[aria-label=Main] a",
    "main .head a",
    "nav[aria-label=Article] a",
    "nav[aria-label=Form] a",
    "nav[aria-label=Revision] a",
    "a.btn[data-key=d]",
    "a.btn[data-key=e]",
    "iframe",
    "#desk-decide [data-key=r]",
    "a[data-finding]",
)
_PATH = """
  const path = (each) => each === document.body ? "" :
    `${path(each.parentElement)}/${[...each.parentElement.children].indexOf(each)}${each.localName}`;
"""
_REACHABLE = """() => {%s
  const all = [...document.querySelectorAll(
    'a[href],button,input:not([type=hidden]),select,textarea,summary,iframe,[contenteditable=true],[tabindex="0"]')];
  const shown = all.filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled
    && !each.parentElement.closest("[contenteditable=true]"));  // the caret reaches what is in a text
  // of radio buttons with one name, Tab reaches the chosen one or else the first
  const group = (each) =>
    all.filter((other) => other.type === "radio" && other.name === each.name && other.form === each.form);
  const chosen = (each) => group(each).find((other) => other.checked) ?? group(each)[0];
  const one = shown.filter((each) => each.type !== "radio" || each === chosen(each));
  return Object.fromEntries(one.map((each) => [path(each), each.outerHTML.slice(0, 100)]));
}""".replace("%s", _PATH)
_IN_ORDER = """(selectors) => {
  const all = [...document.querySelectorAll("*")];
  const place = (each) => all.indexOf(document.querySelector(each));
  return selectors.filter((each) => place(each) >= 0).sort((one, other) => place(one) - place(other));
}"""
_FOCUSED = """() => {%s
  const focused = document.activeElement;
  if (focused === document.body || focused === null) return null;
  const ring = (each) => {
    const style = getComputedStyle(each);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const box = focused.getBoundingClientRect();
  return {
    path: path(focused),
    html: focused.outerHTML.slice(0, 100),
    ring: focused.localName === "iframe" || [focused, focused.closest("label")].some((each) => each && ring(each)),
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}""".replace("%s", _PATH)


@pytest.fixture(scope="module")
async def owner(home: Home, browser: Browser) -> AsyncIterator[Person]:
    async with at_a_browser(home, browser) as person:
        await person.log_in("owner")
        yield person


async def has_focus(page: Page) -> dict[str, Any] | None:
    """Return what has the focus, None past the end of the page.

    A sandboxed frame lives in another process: until that has taken the focus, nothing has it.
    """
    with suppress(PlaywrightTimeout):
        taken = await page.wait_for_function(_FOCUSED, timeout=FRAME_PATIENCE)
        found: dict[str, Any] = await taken.json_value()
        return found
    return None


async def tabbed_through(page: Page) -> list[str]:
    """Press Tab from the top to the end, and return what it reached; each shows that it has the focus."""
    reached: list[str] = []
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        focused = await has_focus(page)
        if focused is None or (reached and focused["path"] == reached[0]):
            break
        if not reached or focused["path"] != reached[-1]:  # a frame, or a date, has more than one place
            reached.append(focused["path"])
        assert focused["ring"], f"no focus ring: {focused['html']}"
        assert focused["seen"], f"out of sight: {focused['html']}"
    return reached


@pytest.mark.parametrize("name", BY_TAB)
async def test_tab_reaches_everything_in_order(owner: Person, day: Day, name: str) -> None:
    await owner.open(day.address(name))
    await settled(owner.page)
    wanted = await owner.page.evaluate(_REACHABLE)
    reached = await tabbed_through(owner.page)
    assert [wanted.get(each, each) for each in reached] == list(wanted.values())


async def test_the_decision_comes_before_its_evidence(owner: Person, day: Day) -> None:
    await owner.open(day.address("article"))
    assert await owner.page.evaluate(_IN_ORDER, ARTICLE_ORDER) == list(ARTICLE_ORDER)


async def test_content_is_one_key_away(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")


async def test_the_list_of_keys_is_a_dialog(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    await page.locator("#desk-first").focus()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    for words in ("approve", "request changes", "next finding", "filter", "queue"):
        await expect(dialog.get_by_text(words).first).to_be_visible()
    for _ in range(6):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "[document.body, ...document.querySelectorAll('dialog *')].includes(document.activeElement)"
        )
    before = page.url
    for key in ("a", "j", "g", "b"):  # what lies below the dialog does not hear them
        await page.keyboard.press(key)
    assert page.url == before
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.locator("#desk-first")).to_be_focused()
    await page.locator("#desk-keys-link").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("#desk-keys-link")).to_be_focused()


async def test_letters_are_letters_in_a_field(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    first = await page.locator("tr.cur a.kw").get_attribute("href")
    await page.keyboard.press("/")
    await expect(page.locator("#desk-q")).to_be_focused()
    await page.keyboard.type("jar?gb/")
    await expect(page.locator("#desk-q")).to_have_value("jar?gb/")
    assert await page.locator("tr.cur a.kw").get_attribute("href") == first
    assert await page.get_by_role("dialog").count() == 0
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    assert await page.locator("tr.cur a.kw").get_attribute("href") != first


async def test_keys_can_be_switched_off_for_good(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    first = await page.locator("tr.cur a.kw").get_attribute("href")
    await page.keyboard.press("?")
    await page.get_by_label("Single-letter keys").uncheck()
    await page.keyboard.press("Escape")
    for _ in range(2):
        for key in ("j", "a", "?", "g", "b"):
            await page.keyboard.press(key)
        assert await page.locator("tr.cur a.kw").get_attribute("href") == first
        assert await page.get_by_role("dialog").count() == 0
        await owner.open("/desk/queue?state=needs-review")  # they stay off
    await owner.open("/desk/keys")
    await page.get_by_label("Single-letter keys").check()
    await owner.open("/desk/queue?state=needs-review")
    await page.keyboard.press("j")
    assert await page.locator("tr.cur a.kw").get_attribute("href") != first


async def test_g_and_a_letter_go_somewhere(owner: Person) -> None:
    await owner.open("/desk/keys")
    for key, path in GO.items():
        await owner.page.keyboard.press("g")
        await owner.page.keyboard.press(key)
        await owner.page.wait_for_url(lambda url, path=path: url.partition("?")[0] == f"{owner.home.origin}{path}")
    before = owner.page.url
    for key in ("g", "x", "q"):  # an unknown letter ends it
        await owner.page.keyboard.press(key)
    assert owner.page.url == before


async def test_rows_are_chosen_and_opened(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press(" ")
    await expect(page.locator("[data-picked]")).to_have_text("1 selected")
    await expect(page.locator("tr.cur input[name=pick]")).to_be_checked()
    chosen = await page.locator("tr.cur a.kw").get_attribute("href")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{owner.home.origin}{chosen}")


async def test_escape_closes_then_leads_back(owner: Person) -> None:
    page = owner.page
    await owner.open("/desk/queue?state=needs-review&site=hardware-shop")
    menu = page.locator("header .me details.pop")
    await menu.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(menu).to_have_attribute("open", "")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Escape")
    await expect(menu).not_to_have_attribute("open", "")
    await expect(menu.locator("summary")).to_be_focused()
    await page.locator("#desk-first").click()
    await page.wait_for_url("**/desk/articles/*")
    await page.keyboard.press("r")
    reasons = page.locator(".decide details[open]")
    await expect(reasons).to_have_count(1)
    await page.keyboard.press("2")
    await page.keyboard.press("Escape")
    await expect(reasons).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.wait_for_url("**/desk/queue?*site=hardware-shop*")


async def test_keys_of_an_article_do_what_they_say(owner: Person, day: Day) -> None:
    page = owner.page
    await owner.open(day.address("article"))
    await page.keyboard.press("f")
    await expect(page.locator("li.cur a[data-finding]")).to_be_focused()
    await page.keyboard.press("c")
    await expect(page.locator("#desk-comment-text")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("x")
    await expect(page.locator(".decide details[open] summary")).to_have_attribute("data-key", "x")
    await page.keyboard.press("r")
    await page.keyboard.press("3")
    await expect(page.locator(".decide details[open] input[data-digit='3']")).to_be_focused()
    await page.keyboard.press("d")
    await page.wait_for_url("**/diff*")
    await page.keyboard.press("d")
    await page.wait_for_url(lambda url: "/diff" not in url)
    await page.keyboard.press("e")
    await page.wait_for_url("**/edit/*")
    await page.go_back()
    await page.keyboard.press("j")
    await page.wait_for_url(lambda url: day.known["article"] not in url)
