"""Logging in and out of the desk: where it leads, what it refuses, and what ends a session."""

import pytest
from sqlalchemy import text

from src.api.desk.ways_back import HOME, way_back
from src.application.people import add_person, change_role, set_disabled
from src.domain.person import Grant, Role
from tests.applications import ANNA

from .conftest import PASSWORD, TheDesk, words

COOKIE = "longtail_session"
REVIEWER = Grant(role=Role.REVIEWER, site=None)


@pytest.fixture(scope="module")
async def bert(desk: TheDesk) -> str:
    await desk.person("bert", [REVIEWER])
    return "bert"


async def test_a_deep_link_survives_the_login(desk: TheDesk, bert: str) -> None:
    browser = desk.browser()
    sent_away = await browser.get("/desk/keys?a=1&b=ü")
    assert sent_away.status_code == 303
    page = await browser.get(sent_away.headers["location"])
    assert page.status_code == 200
    assert "Back to: /desk/keys?a=1&b=%C3%BC" in words(page)
    assert "You were logged out" not in words(page)
    wrong = await browser.send("/desk/login", name="bert", password="wrong", next="/desk/keys?a=1")
    assert (wrong.status_code, "Name or password is wrong." in words(wrong)) == (401, True)
    assert 'value="bert"' in wrong.text
    answer = await browser.send("/desk/login", name="bert", password=PASSWORD, next="/desk/keys?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/keys?a=1")
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE))
    assert {"HttpOnly", "Path=/desk", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    keys = await browser.get("/desk/keys")
    assert (keys.status_code, keys.headers["cache-control"]) == (200, "no-store")
    assert (await browser.get("/desk/login")).headers["location"] == HOME


@pytest.mark.parametrize(
    "asked",
    [
        *("https://evil.example/", "//evil.example", "/\\evil.example", "/desk//evil.example", "/desk/../api"),
        *("/desk/\n", "/deskevil", "javascript:alert(1)", "/desk/login?next=/desk/login", "/desk/logout", "", "/"),
        *("/desk/" + "x" * 2_000, "/desk/\\..\\x", None),
    ],
)
def test_a_login_leads_nowhere_else(asked: str | None) -> None:
    assert way_back(asked) == HOME


@pytest.mark.parametrize("asked", ["/desk/", "/desk/queue?site=a&q=b%20c", "/desk/articles/1?next=https://a.example//"])
def test_a_login_leads_back_to_pages_of_the_desk(asked: str) -> None:
    assert way_back(asked) == asked


async def test_an_open_redirect_is_refused(desk: TheDesk, bert: str) -> None:
    browser = desk.browser()
    page = await browser.get("/desk/login", next="https://evil.example/")
    assert "evil" not in page.text
    answer = await browser.log_in("bert", to="//evil.example/desk/")
    assert answer.headers["location"] == HOME


async def test_unknown_names_and_people_without_a_password_get_the_same_page(desk: TheDesk, bert: str) -> None:
    await add_person(desk.database, "nopass", REVIEWER, by=ANNA)
    pages: list[tuple[int, str]] = []
    for name in ("nobody", "nopass", "bert"):
        browser = desk.browser(f"192.0.2.{len(pages)}")
        answer = await browser.log_in(name, "incorrect horse battery")
        pages.append((answer.status_code, words(answer).replace(name, "NAME")))
    assert pages[0] == pages[1] == pages[2]


async def test_who_fails_often_has_to_wait_and_is_told_how_long(desk: TheDesk) -> None:
    browser = desk.browser("192.0.2.99")
    for _ in range(2):
        await browser.log_in("somebody", "incorrect horse battery")
    third = await browser.log_in("somebody", "incorrect horse battery")
    assert "Next try in 1 second." in words(third)
    early = await browser.log_in("somebody", "incorrect horse battery")
    assert (early.status_code, "the next try is in 1 second." in words(early)) == (429, True)


async def test_a_script_that_logs_in_gets_a_document(desk: TheDesk, bert: str) -> None:
    browser = desk.browser()
    await browser.get("/desk/login")
    browser.client.headers["accept"] = "application/json"
    wrong = await browser.send("/desk/login", name="bert", password="wrong")
    assert (wrong.status_code, wrong.json()["type"]) == (401, "/problems/login-refused")
    right = await browser.send("/desk/login", name="bert", password=PASSWORD, next="/desk/keys")
    assert right.json()["location"] == "/desk/keys"


async def test_forged_forms_are_refused_before_and_after_the_login(desk: TheDesk, bert: str) -> None:
    browser = desk.browser()
    await browser.get("/desk/login")
    fields = {"name": "bert", "password": PASSWORD}
    for token in ("", "0" * 64):
        forged = await browser.client.post("/desk/login", data={"csrf": token, **fields})
        assert (forged.status_code, COOKIE in browser.client.cookies) == (403, False)
    before = browser.token
    await browser.log_in("bert")
    for token in ("", before):  # a token of before the login is none of this session
        assert (await browser.client.post("/desk/logout", data={"csrf": token})).status_code == 403
    elsewhere = {"origin": "https://evil.example"}
    own = {"csrf": browser.token}
    assert (await browser.client.post("/desk/logout", data=own, headers=elsewhere)).status_code == 403
    assert (await browser.get("/desk/keys")).status_code == 200


async def test_a_session_that_was_ended_is_refused_also_from_a_copy_of_its_cookie(desk: TheDesk, bert: str) -> None:
    browser, thief = await desk.logged_in("bert"), desk.browser("192.0.2.66")
    thief.client.cookies.update(browser.client.cookies)
    assert (await thief.get("/desk/keys")).status_code == 200
    out = await browser.send("/desk/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/desk/login")
    assert COOKIE not in browser.client.cookies
    refused = await thief.get("/desk/keys")
    assert refused.headers["location"] == "/desk/login?next=%2Fdesk%2Fkeys"
    assert "You were logged out" in words(await thief.get(refused.headers["location"]))


async def test_each_login_has_a_new_id_and_ends_the_one_before(desk: TheDesk, bert: str) -> None:
    browser = await desk.logged_in("bert")
    first = browser.client.cookies[COOKIE]
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("UPDATE sessions SET last_used_at = now() - interval '13 hours'"))
    assert (await browser.get("/desk/keys")).status_code == 303
    await browser.log_in("bert")
    assert browser.client.cookies[COOKIE] != first
    fixed = desk.browser()
    fixed.client.cookies.set(COOKIE, "chosen-by-somebody-else", domain="desk.test", path="/desk")
    await fixed.log_in("bert")
    assert "chosen-by-somebody-else" not in [each.value for each in fixed.client.cookies.jar]


async def test_a_role_and_being_disabled_bite_at_the_next_request(desk: TheDesk) -> None:
    await desk.person("clara", [Grant(role=Role.ADMIN, site=None)])
    browser = await desk.logged_in("clara")
    assert (await browser.get("/desk/people")).status_code == 200
    await change_role(desk.database, "clara", Grant(role=Role.ADMIN, site=None), by=ANNA, withdraw=True)
    assert (await browser.get("/desk/people")).status_code == 403
    await set_disabled(desk.database, "clara", by=ANNA, disabled=True)
    assert (await browser.get("/desk/keys")).status_code == 303
    assert (await browser.log_in("clara")).status_code == 401


async def test_over_https_the_cookie_is_for_https_alone(desk: TheDesk, bert: str) -> None:
    browser = desk.browser()
    browser.client.base_url = "https://desk.test"
    await browser.get("/desk/login")
    answer = await browser.send("/desk/login", name="bert", password=PASSWORD)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(COOKIE))
    assert "Secure" in cookie.split("; ")
