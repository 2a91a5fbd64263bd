"""Text that tries everything, by every way in and past the sanitiser, runs nothing and calls nobody.

A browser opens each page that shows it, clicks what was planted, and leaves the planted address alone.
"""

import csv
import io
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser, Dialog
from sqlalchemy import text as sql

from src.bootstrap import open_database, open_servers
from src.domain.ids import ArticleId
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.integration.desk.articles import hostile

from .beacons import Beacon, beacon
from .homes import Home, Person, add_site, at_a_browser, eventually

SITE = "hostile-shop"
PERSON = "mallory"
FORMULA = '=HYPERLINK("http://127.0.0.1/beacon";"open")'
PAGES = (
    "",
    "/text",
    "/source",
    "/markdown",
    "/outline",
    "/diff",
    "/diff?vs=1",
    "/edit",
    "/edit/head",
    "/edit/{section}",
    "/preview",
    "/preview?r=1",
)
LISTS = (
    f"/desk/queue?site={SITE}",
    f"/desk/queue?site={SITE}&q=%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E",
    f"/desk/queue/bulk?state=needs-review&site={SITE}",
    f"/desk/queue?state=changes&site={SITE}",
    "/desk/",
    f"/desk/articles?site={SITE}",
    f"/desk/keywords/{SITE}",
    "/desk/sites",
    f"/desk/sites/{SITE}",
    f"/desk/sites/{SITE}/edit",
    f"/desk/sites/{SITE}/file",
    f"/desk/sites/{SITE}/remove",
    f"/desk/schedules/{SITE}",
    f"/desk/calendar?site={SITE}",
    f"/desk/calls?site={SITE}",
    f"/desk/batches?site={SITE}",
    "/desk/holds",
    "/desk/people",
    f"/desk/people/{PERSON}",
    f"/desk/audit?site={SITE}",
    f"/desk/audit?site={SITE}&who=%22%3E%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E",
    "/desk/login?next=javascript:window.hacked%3D1",
    "/desk/%3Cscript%3Ewindow.hacked%3D1%3C/script%3E",
)
_CLICK = """() => {
  for (const each of document.querySelectorAll("a.planted,[onclick],[tabindex='1']")) each.click();
  return {
    hacked: window.hacked ?? null,
    handlers: [...document.querySelectorAll("*")].flatMap((each) => each.getAttributeNames()
      .filter((name) => name.startsWith("on")).map((name) => `${each.localName} ${name}`)),
    scripts: [...document.scripts]
      .filter((each) => !new URL(each.src || "x:").pathname.startsWith("/desk/static/")).length,
    foreign: document.querySelectorAll("main :is(base,meta,style,link,object,embed,math)").length
      + [...document.querySelectorAll("iframe")].filter((each) => each.name !== "preview").length,
    links: [...document.querySelectorAll("[href],[action],[formaction]")].map((each) =>
      each.getAttribute("href") ?? each.getAttribute("action") ?? each.getAttribute("formaction"))
      .filter((to) => /^\\s*(java\\s*script|data|vbscript):/i.test(to)),
    mains: document.querySelectorAll("#main").length,
  };
}"""
CLEAN: dict[str, object] = {"hacked": None, "handlers": [], "scripts": 0, "foreign": 0, "links": [], "mains": 1}


@pytest.fixture(scope="module")
def planted() -> Iterator[Beacon]:
    """Return where every hostile text points."""
    with beacon() as made:
        yield made


@pytest.fixture(scope="module")
async def database(home: Home) -> AsyncIterator[Database]:
    """The home's database, below the rules."""
    settings = Settings.load(home=home.longtail.home)
    with open_servers(settings, with_temporal=False) as servers:
        async with open_database(settings, servers) as opened:
            yield opened


@pytest.fixture(scope="module")
async def articles(home: Home, database: Database, planted: Beacon) -> AsyncIterator[list[str]]:
    """Return articles: in the first what no rule saw; the others are for what comes by the rules."""
    add_site(home, SITE, undo="1 h")
    keywords = home.longtail.folder / "hostile.txt"
    keywords.write_text("which plug for which wall\nwhich drill for which wall\nwhich screw for which wall", "utf-8")
    assert home.longtail.run("keywords", "import", SITE, str(keywords)).returncode == 0
    assert home.longtail.run("batch", "start", SITE, "--wait").returncode == 0
    made = [each["article_id"] for each in home.longtail.json("review", "list", "--site", SITE)]
    assert home.longtail.run("user", "add", PERSON, "--role", "viewer").returncode == 0
    await hostile(database, ArticleId(made[0]), planted.text)
    async with database.unit_of_work() as uow:
        site = await uow.sites.get(SITE)
        await uow.sites.upsert(site.model_copy(update={"name": planted.short}))
    async with database.engine.begin() as connection:
        for change in (
            "UPDATE articles SET keyword = :it WHERE id = CAST(:article AS uuid)",
            "UPDATE model_calls SET keyword = :it WHERE article_id = CAST(:article AS uuid)",
            "UPDATE users SET display_name = :it WHERE name = :person",
        ):
            values = {"it": planted.text, "article": made[0], "person": PERSON}
            await connection.execute(sql(change), {name: values[name] for name in values if f":{name}" in change})
    yield made
    assert home.longtail.run("site", "remove", SITE, "--yes").returncode == 0


@pytest.fixture(scope="module")
async def owner(home: Home, browser: Browser, articles: list[str]) -> AsyncIterator[Person]:
    assert articles
    async with at_a_browser(home, browser) as person:
        person.page.on("dialog", lambda dialog: seen_dialog(person, dialog))
        await person.log_in("owner")
        yield person
        person.seen.errors.clear()  # the browser names what the policy blocked


async def seen_dialog(person: Person, dialog: Dialog) -> None:
    """Note that a page asked something: none of ours does."""
    person.seen.errors.append(f"dialog: {dialog.message}")
    await dialog.dismiss()


async def nothing_happened(person: Person, planted: Beacon, path: str, *, wanted: dict[str, object]) -> None:
    """Find that the page that is open holds nothing that acts, after clicking what was planted."""
    page = person.page
    found = await page.evaluate(_CLICK)
    await page.wait_for_timeout(50)  # what a click began
    assert found == wanted, path
    assert page.url == f"{person.home.origin}{path}" or "/desk" in page.url
    assert await page.title() != "hacked"
    assert not planted.called, (path, planted.called)
    assert not [each for each in person.seen.errors if each.startswith("dialog")], path
    for frame in page.frames[1:]:
        assert not await frame.evaluate("window.hacked ?? null"), path
        assert await frame.title() != "hacked"


@pytest.mark.parametrize("number", [0, 1])
async def test_an_article_does_nothing(
    owner: Person, articles: list[str], planted: Beacon, number: int, by_the_rules: None
) -> None:
    article = articles[number]
    shown = owner.home.longtail.json("review", "show", article)
    section = shown["text"]["content"]["sections"][0]["id"]
    for path in (f"/desk/articles/{article}{each}".format(section=section) for each in PAGES):
        await owner.open(path)
        await owner.page.wait_for_load_state("load")
        if "/preview" in path:
            assert not await owner.page.evaluate("window.hacked ?? null")
            assert await owner.page.title() != "hacked"
            assert not planted.called, (path, planted.called)
        else:
            await nothing_happened(owner, planted, path, wanted=CLEAN)
        complaints = [each for each in owner.seen.errors if "/preview" not in each and "about:srcdoc" not in each]
        # The editor reads a text in an inert template; of its styles the browser only tells that they are blocked.
        complaints = [each for each in complaints if "Applying inline style" not in each]
        if path.endswith(article):  # the frame's complaints carry the page's address
            complaints = []
        assert not complaints, complaints
        owner.seen.errors.clear()
        owner.seen.hosts.intersection_update({owner.home.origin.removeprefix("http://")})


@pytest.fixture(scope="module")
async def by_the_rules(owner: Person, articles: list[str], planted: Beacon) -> None:
    """Send hostile text by the editor as HTML and as Markdown, by a comment, a note and the search."""
    page, article = owner.page, articles[1]
    shown = owner.home.longtail.json("review", "show", article)["text"]["content"]["sections"]
    for number, (form, text) in enumerate((("html", planted.text), ("markdown", planted.markdown))):
        await owner.open(f"/desk/articles/{article}/edit/{shown[number]['id']}")
        answer = await page.evaluate(_SAVE, {"form": form, "text": f"<p>Well.</p>{text}"})
        assert answer in {200, 422}, answer  # stored without what acts, or refused
    await owner.open(f"/desk/articles/{article}/edit/head")
    for field in ("h1", "title", "tags"):
        await page.locator(f"[name={field}]").fill(f"<img src=x onerror=window.hacked=1> {field}")
    await page.locator("[name=description]").fill("<script>window.hacked=1</script> a description")
    await page.get_by_role("button", name="Save as revision").click()
    await page.locator("#desk-notice,[role=alert]:visible").first.wait_for()  # stored as text, or refused
    await owner.open(f"/desk/articles/{article}")
    async with page.expect_navigation():
        await page.locator("#desk-comment").evaluate(
            "(form, it) => { form.elements.span.value = it; form.elements.text.value = it; form.requestSubmit(); }",
            planted.text[:1900],
        )
    third = f"/desk/articles/{articles[2]}"
    await owner.open(third)
    await page.keyboard.press("r")
    await page.keyboard.press("3")
    await page.locator(".decide details[open] [name=note]").fill(f"{FORMULA} {planted.text[:900]}")
    await page.keyboard.press("Escape")
    await page.locator(".decide details[open] button[value=changes]").click()
    await page.locator("#desk-notice").wait_for()
    owner.seen.errors.clear()  # the browser names answers like 422


_SAVE = """async ({form, text}) => {
  const data = new FormData(document.getElementById("desk-edit"));
  data.set("form", form);
  data.set("text", text);
  const token = document.querySelector('meta[name="csrf"]').content;
  const answer = await fetch(location.href, {
    method: "POST", body: data, headers: {Accept: "application/json", "X-CSRF-Token": token}});
  return answer.status;
}"""


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_does_nothing(owner: Person, planted: Beacon, path: str, by_the_rules: None) -> None:
    await owner.open(path)
    await owner.page.wait_for_load_state("load")
    await nothing_happened(owner, planted, path, wanted=CLEAN)
    if "%3Cscript%3E" in path or "login" in path:
        owner.seen.errors.clear()  # the browser names an answer like 404
    assert not owner.seen.errors, owner.seen.errors


async def test_keywords_do_nothing_before_they_are_stored(owner: Person, planted: Beacon) -> None:
    page = owner.page
    await owner.open(f"/desk/keywords/{SITE}/keyword-list")
    await page.get_by_text("or paste a list").click()
    await page.locator("#desk-text").fill(f'Keyword,Volume\n{planted.text},1\n"{FORMULA}",2\na real keyword,3\n')
    await page.get_by_role("button", name="See what is in it").click()
    await page.get_by_role("heading", name="What is in").wait_for()
    await nothing_happened(owner, planted, f"/desk/keywords/{SITE}/keyword-list", wanted=CLEAN)


async def test_a_site_of_that_name_is_refused_or_harmless(owner: Person, planted: Beacon) -> None:
    page = owner.page
    await owner.open(f"/desk/sites/{SITE}/edit")
    name = page.locator("main [name=name]")
    await name.fill(planted.short)
    await page.locator("main form button.pri").first.click()
    await page.wait_for_load_state("load")
    await nothing_happened(owner, planted, f"/desk/sites/{SITE}/edit", wanted=CLEAN)
    owner.seen.errors.clear()  # the browser names the answer


async def test_the_rich_editor_keeps_what_is_allowed(
    owner: Person, articles: list[str], planted: Beacon, by_the_rules: None
) -> None:
    page = owner.page
    shown = owner.home.longtail.json("review", "show", articles[1])["text"]["content"]["sections"]
    await owner.open(f"/desk/articles/{articles[1]}/edit/{shown[2]['id']}")
    await page.locator("#desk-ed").click()
    await page.evaluate(_PASTE, planted.text)
    await nothing_happened(owner, planted, f"/desk/articles/{articles[1]}/edit", wanted=CLEAN)
    assert not await page.locator("#desk-ed").locator("img,script,iframe,form,style,svg,[id],[style]").count()


_PASTE = """(html) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  data.setData("text/plain", "plain");
  document.getElementById("desk-ed").dispatchEvent(
    new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


async def test_an_export_holds_no_formula(owner: Person, by_the_rules: None) -> None:
    answer = await owner.context.request.get(f"{owner.home.origin}/desk/audit/export?site={SITE}")
    assert answer.ok
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    rows = list(csv.reader(io.StringIO(await answer.text())))
    assert len(rows) > 5
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]


def test_the_planted_address_hears_calls(planted: Beacon) -> None:
    """Silence is silence: a call would have been heard."""
    assert planted.called == []
    with socket.create_connection(("127.0.0.1", planted.port)) as caller:
        caller.sendall(b"GET /beacon")
    eventually(lambda: "heard" if planted.called else None)
    assert planted.called == [b"GET /beacon"]
