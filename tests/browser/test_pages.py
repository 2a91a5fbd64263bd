"""Every page: axe-core finds nothing, nothing scrolls sideways, it weighs little and asks nobody else."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser

from .days import MORE_PAGES, PAGES, SITE, Day
from .homes import Home, Person, at_a_browser, running_home
from .measures import Weight, axe_findings, settled, too_wide, weighed

MOST_REQUESTS, MOST_BYTES, MOST_HTML = 9, 200_000, 30_000
MOST_STYLE = 14_000  # bytes of the sheet of every page, as it stands
STYLE = Path(__file__).parents[2] / "src" / "api" / "desk" / "static" / "desk.css"
EXPORT = (
    "Keyword;Volume\nhow to hang a shelf on brick;90\nsds plus vs sds max;1300\n;40\n<b>markup</b>;3\nlong " + "x" * 300
)
EMPTY = ("today", "queue", "calendar", "batches", "articles", "sites", "schedules", "holds", "alerts", "calls", "audit")


@pytest.fixture(scope="module")
async def owner(home: Home, browser: Browser) -> AsyncIterator[Person]:
    async with at_a_browser(home, browser) as person:
        await person.log_in("owner")
        yield person


@pytest.fixture(scope="module")
async def reviewer(home: Home, browser: Browser) -> AsyncIterator[Person]:
    async with at_a_browser(home, browser) as person:
        await person.log_in("reviewer")
        yield person


@pytest.fixture(scope="module")
def weights(request: pytest.FixtureRequest) -> Iterator[dict[str, Weight]]:
    """Collect what pages weigh; printed at the end, and written where it was asked for."""
    found: dict[str, Weight] = {}
    yield found
    table = "\n".join(
        [
            "| page | requests | KB in all | of it HTML |",
            "|---|--:|--:|--:|",
            *(
                f"| {name} | {len(each.requests)} | {each.total / 1000:.1f} | {each.document / 1000:.1f} |"
                for name, each in found.items()
            ),
        ]
    )
    print(f"\n{table}")
    if file := request.config.getoption("--weights"):
        Path(file).write_text(f"{table}\n", "utf-8")


async def look_over(person: Person, open_: Callable[[], Awaitable[object]]) -> Weight:
    """Open a page, and find nothing wrong with it."""
    page = person.page
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto("about:blank")  # what a live page still asks for is its own
    async with weighed(page) as weight:
        await open_()
        await settled(page)
    assert len(weight.requests) <= MOST_REQUESTS, [each.url for each in weight.requests]
    assert weight.total < MOST_BYTES
    assert weight.document < MOST_HTML
    findings = [*await too_wide(page), *await axe_findings(page)]
    assert not findings, "\n".join([page.url, *findings])
    return weight


@pytest.mark.parametrize("name", [*PAGES, *MORE_PAGES])
async def test_a_page(owner: Person, day: Day, weights: dict[str, Weight], name: str) -> None:
    weights[name] = await look_over(owner, lambda: owner.open(day.address(name)))
    assert not owner.seen.errors, owner.seen.errors


async def _wrong_password(person: Person, _: Day) -> None:
    await person.open("/desk/login?next=/desk/queue")
    await person.page.get_by_label("Name").fill("owner")
    await person.page.get_by_label("Password").fill("not that one")
    await person.page.get_by_role("button", name="Log in").click()


async def test_the_login_page(home: Home, browser: Browser, day: Day, weights: dict[str, Weight]) -> None:
    async with at_a_browser(home, browser) as person:
        weights["login"] = await look_over(person, lambda: person.open("/desk/login"))
        await _wrong_password(person, day)
        await person.page.get_by_role("alert").wait_for()
        assert not [*await too_wide(person.page), *await axe_findings(person.page)]
        person.seen.errors.clear()  # the browser names the answer


async def _verdicts(person: Person, _: Day) -> None:
    await person.open(f"/desk/keywords/{SITE}/keyword-list")
    await person.page.get_by_text("or paste a list").click()
    await person.page.locator("#desk-text").fill(EXPORT)
    await person.page.get_by_role("button", name="See what is in it").click()
    await person.page.get_by_role("button", name="Add 1 keyword").wait_for()


async def _bulk(person: Person, _: Day) -> None:
    await person.open("/desk/queue?state=needs-review")
    await person.page.locator("input[name=pick]").first.check()
    await person.page.get_by_role("button", name="Decide on the selected").click()
    await person.page.get_by_role("heading", name="at once").wait_for()


async def _wrong_count(person: Person, day: Day) -> None:
    await _bulk(person, day)
    await person.page.get_by_label("Type how many are selected").fill("7")
    await person.page.get_by_role("button", name="Approve", exact=True).click()
    await person.page.get_by_role("alert").wait_for()


_SEND_OLD = """(older) => {
  const form = document.getElementById("desk-edit");
  form.elements.parent.value = older;
  form.elements.text.value += " And more.";
  form.submit();
}"""


async def _conflict(person: Person, day: Day) -> None:
    await person.open(day.address("edit"))
    await person.page.evaluate(_SEND_OLD, day.known["older"])
    await person.page.get_by_role("button", name=re.compile("^Keep mine")).wait_for()


async def _refused_site(person: Person, _: Day) -> None:
    await person.open("/desk/new-site")
    await person.page.evaluate("document.querySelector('main form').noValidate = true")
    await person.page.locator("main form button.pri").click()
    await person.page.get_by_text("Not saved").or_(person.page.locator("[aria-invalid]")).first.wait_for()


async def _selected(person: Person, _: Day) -> None:
    await person.open("/desk/queue?state=needs-review")
    await person.page.locator("input[name=pick]").first.check()


async def _keys(person: Person, _: Day) -> None:
    await person.open("/desk/queue?state=needs-review")
    await person.page.keyboard.press("?")
    await person.page.get_by_role("dialog").wait_for()


async def _reasons(person: Person, day: Day) -> None:
    await person.open(day.address("article"))
    await person.page.keyboard.press("r")
    await person.page.locator(".decide details[open]").wait_for()


STATES = {
    "verdicts on keywords": _verdicts,
    "selected": _selected,
    "decide on the selected": _bulk,
    "a wrong count": _wrong_count,
    "somebody else saved": _conflict,
    "a refused site": _refused_site,
    "the list of keys": _keys,
    "reasons": _reasons,
}


@pytest.mark.parametrize("name", STATES)
async def test_a_page_behind_a_form(owner: Person, day: Day, name: str) -> None:
    page = owner.page
    await page.set_viewport_size({"width": 1440, "height": 900})
    await STATES[name](owner, day)
    findings = [*await too_wide(page), *await axe_findings(page)]
    owner.seen.errors.clear()  # the browser names answers like 412 and 422
    assert not findings, "\n".join([page.url, *findings])


@pytest.mark.parametrize(
    "path", ["/desk/people", "/desk/nothing-there", f"/desk/articles/{'0' * 8}-0000-4000-8000-{'0' * 12}"]
)
async def test_a_page_that_is_refused(reviewer: Person, day: Day, path: str) -> None:
    await look_over(reviewer, lambda: reviewer.open(path))
    reviewer.seen.errors.clear()  # the browser names the answer
    assert await reviewer.page.get_by_role("heading", level=1).count() == 1


async def test_an_empty_home(compiled: Path, browser: Browser) -> None:
    with running_home(compiled) as home:
        sites = [each["slug"] for each in home.longtail.json("site", "list")]
        for site in sites:
            removed = home.longtail.run("site", "remove", site, "--yes")
            assert removed.returncode == 0, json.dumps([removed.stdout, removed.stderr])
        async with at_a_browser(home, browser) as person:
            await person.log_in("owner")
            for name in EMPTY:
                await look_over(person, partial(person.open, PAGES[name]))
            await look_over(person, lambda: person.open("/desk/keywords"))


def test_the_style_sheet_is_small() -> None:
    assert STYLE.stat().st_size < MOST_STYLE
