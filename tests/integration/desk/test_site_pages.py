"""Sites in the desk: one validation for form and file, and no change of somebody else's is written over unseen."""

import html
import re

import pytest
from httpx2 import Response

from src.application.sites import get_site_details
from src.domain.errors import NotFound
from src.domain.person import Grant, Role
from src.domain.site import Site
from src.intake.site_file import read
from src.intake.site_toml import written
from tests.applications import ANNA

from .conftest import Browser, TheDesk, words

FIELDS = {
    "slug": "tap-shop",
    "name": "Tap <b>Shop</b>",
    "base_url": "https://taps.example/guides",
    "language": "en-GB",
    "time_zone": "Europe/London",
    "profile.audience": 'People with "taps" </textarea>',
    "profile.facts[4].id": "open",
    "profile.facts[4].text": "We are open.",
    "publishing.on_approval": "wait",
}


@pytest.fixture
async def anna(desk: TheDesk) -> Browser:
    return await desk.logged_in("anna")


async def site_of(desk: TheDesk, slug: str) -> Site:
    return (await get_site_details(desk.database, slug, by=ANNA)).site


def sent_fields(page: Response) -> dict[str, str]:
    """Return what a browser would send of the form."""
    form = page.text.partition('class="stack form"')[2]
    fields = {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input id="[^"]+" name="([^"]+)"[^>]*? value="([^"]*)"', form)
    }
    for tag, name, text in re.findall(r'(<textarea) [^>]*?name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        assert tag
        fields[name] = html.unescape(text)
    fields["version"] = hidden(page, "version")
    if 'name="review.self_approval" checked' in form:
        fields["review.self_approval"] = "on"
    chosen = re.search(r'<option value="([^"]+)" selected', form)
    return fields | ({"publishing.on_approval": chosen[1]} if chosen else {})


def hidden(page: Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found
    return found[1]


async def test_the_first_page_teaches_the_first_step(anna: Browser) -> None:
    page = await anna.get("/desk/sites")
    assert "Step 1 of 3" in page.text
    assert "/desk/new-site" in page.text


async def test_a_site_may_be_called_as_a_page(anna: Browser) -> None:
    added = await anna.send("/desk/new-site", **(FIELDS | {"slug": "new", "base_url": "https://pages.example/guides"}))
    assert added.headers["location"] == "/desk/sites/new"
    assert "https://pages.example/guides" in (await anna.get("/desk/sites/new")).text


async def test_a_form_shows_all_that_is_wrong_at_once_and_then_adds(desk: TheDesk, anna: Browser) -> None:
    await anna.get("/desk/new-site")
    wrong = FIELDS | {"base_url": "taps", "language": "klingon", "articles_per_batch": "ten", "profile.audience": ""}
    page = await anna.send("/desk/new-site", **wrong)
    told = words(page)
    assert page.status_code == 422
    assert "4 fields need a look" in told
    assert "write a whole address such as https://www.example.com" in told.lower()
    assert page.text.count('aria-invalid="true"') == 4
    assert "Tap <b>" not in page.text
    answer = await anna.send("/desk/new-site", **FIELDS)
    assert answer.headers["location"] == "/desk/sites/tap-shop"
    site = await site_of(desk, "tap-shop")
    assert site.name == "Tap <b>Shop</b>"
    assert [fact.id for fact in site.profile.facts] == ["open"]
    taken = await anna.send("/desk/new-site", **FIELDS)
    assert (taken.status_code, "the site tap-shop exists" in words(taken).lower()) == (409, True)


async def test_pages_of_a_site_show_it_escaped(anna: Browser) -> None:
    for path in ("", "/tap-shop", "/tap-shop/edit", "/tap-shop/file", "/tap-shop/remove"):
        page = await anna.get(f"/desk/sites{path}")
        assert page.status_code == 200
        assert "Tap <b>" not in page.text
        assert '"taps" </textarea>' not in page.text


async def test_a_form_that_is_sent_unchanged_changes_nothing(desk: TheDesk, anna: Browser) -> None:
    before = await site_of(desk, "tap-shop")
    page = await anna.get("/desk/sites/tap-shop/edit")
    answer = await anna.send("/desk/sites/tap-shop/edit", **sent_fields(page))
    assert answer.status_code == 303
    assert await site_of(desk, "tap-shop") == before


async def test_what_somebody_else_saved_is_shown_beside_ones_own(desk: TheDesk, anna: Browser) -> None:
    page = await anna.get("/desk/sites/tap-shop/edit")
    mine = sent_fields(page)
    assert (await anna.send("/desk/sites/tap-shop/edit", **(mine | {"profile.tone": "theirs"}))).status_code == 303
    late = await anna.send("/desk/sites/tap-shop/edit", **(mine | {"profile.tone": "ours"}))
    assert late.status_code == 412
    assert "profile.tone theirs ours" in words(late)
    assert (await site_of(desk, "tap-shop")).profile.tone == "theirs"
    kept = await anna.send("/desk/sites/tap-shop/edit", **sent_fields(late))
    assert kept.status_code == 303
    assert (await site_of(desk, "tap-shop")).profile.tone == "ours"


async def test_the_file_is_downloaded_edited_and_uploaded(desk: TheDesk, anna: Browser) -> None:
    site = await site_of(desk, "tap-shop")
    file = await anna.get("/desk/sites/tap-shop/download")
    assert file.headers["content-disposition"] == 'attachment; filename="tap-shop.toml"'
    assert read(file.content, file="x") == site
    page = await anna.get("/desk/sites/tap-shop/file")
    version = hidden(page, "version")
    wrong = await anna.send("/desk/sites/tap-shop/file", text=file.text.replace("en-GB", "x"), version=version)
    assert wrong.status_code == 422
    assert "line 4" in words(wrong)
    other = file.text.replace("tap-shop", "other-shop", 1)
    assert "never changes" in words(await anna.send("/desk/sites/tap-shop/file", text=other, version=version))
    broken = await anna.send("/desk/sites/tap-shop/file", text="\x00= [", version=version)
    assert broken.status_code == 422
    changed = file.text.replace("Europe/London", "Europe/Paris")
    assert (await anna.send("/desk/sites/tap-shop/file", text=changed, version=version)).status_code == 303
    assert (await site_of(desk, "tap-shop")).time_zone == "Europe/Paris"
    assert (await anna.send("/desk/sites/tap-shop/file", text=file.text, version=version)).status_code == 412
    added = written(site).replace("tap-shop", "new-shop").replace("taps.example", "new.example")
    assert (await anna.send("/desk/new-site-file", text=added)).headers["location"] == "/desk/sites/new-shop"


async def test_a_site_is_removed_once_its_name_was_typed(desk: TheDesk, anna: Browser) -> None:
    page = await anna.get("/desk/sites/new-shop/remove")
    assert "0 keywords, 0 articles" in words(page)
    assert (await anna.send("/desk/sites/new-shop/remove", slug="tap-shop")).status_code == 422
    assert (await site_of(desk, "new-shop")).slug == "new-shop"
    assert (await anna.send("/desk/sites/new-shop/remove", slug="new-shop")).headers["location"] == "/desk/sites"
    with pytest.raises(NotFound):
        await site_of(desk, "new-shop")


async def test_who_may_only_read_cannot_change(desk: TheDesk) -> None:
    await desk.person("vera", [Grant(role=Role.VIEWER, site="tap-shop")])
    vera = await desk.logged_in("vera")
    page = await vera.get("/desk/sites/tap-shop")
    assert "/tap-shop/edit" not in page.text
    assert "/tap-shop/remove" not in page.text
    for path in ("sites/tap-shop/edit", "sites/tap-shop/file", "sites/tap-shop/remove", "new-site", "new-site-file"):
        assert (await vera.get(f"/desk/{path}")).status_code == 403
        assert (await vera.send(f"/desk/{path}", **FIELDS)).status_code in (403, 422)
