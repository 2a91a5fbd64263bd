"""People, roles, passwords and tokens in the desk: who may, after a fresh login, and it counts at once."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from src.application.people import add_person, get_person
from src.domain.person import Grant, Role
from tests.applications import ANNA

from .conftest import ADMIN, PASSWORD, Browser, TheDesk, words

REVIEWER = Grant(role=Role.REVIEWER, site=None)
NASTY = "<script>alert(1)</script>"
WRITES = ("", "/bert/grant", "/bert/withdraw", "/bert/disable", "/bert/enable", "/bert/reset", "/bert/log-out")
TOKENS = ("/bert/tokens", "/bert/tokens/ci/revoke")


@pytest.fixture(scope="module")
async def people(desk: TheDesk) -> TheDesk:
    await desk.person("bert", [REVIEWER], display_name=NASTY)
    return desk


@pytest.fixture
async def admin(people: TheDesk) -> AsyncIterator[Browser]:
    """The admin, who has just logged in."""
    browser = await people.logged_in("anna")
    yield browser
    await browser.client.aclose()


async def make_stale(desk: TheDesk) -> None:
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'"))


def secret_of(page: str) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert found
    return found[1]


async def test_a_person_is_added_gets_a_password_and_logs_in(people: TheDesk, admin: Browser) -> None:
    fields = {"name": "dora", "display_name": "Dora", "email": "", "role": "reviewer", "site": ""}
    added = await admin.send("/desk/people", **fields)
    assert (added.status_code, added.headers["location"]) == (303, "/desk/people/dora")
    page = await admin.get("/desk/people/dora")
    assert "No password yet, so no login." in words(page)
    shown = await admin.send("/desk/people/dora/reset")
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    assert "Logged in nowhere." in words(await admin.get("/desk/people/dora"))
    dora = people.browser()
    assert (await dora.log_in("dora", secret_of(shown.text))).status_code == 303
    assert (await dora.get("/desk/people")).status_code == 403
    assert secret_of(shown.text) not in (await admin.get("/desk/people/dora")).text


async def test_a_wrong_name_is_told_beside_what_was_typed(admin: Browser) -> None:
    for name, told in (("Dora B", "letters"), ("bert", "exists")):
        page = await admin.send("/desk/people", name=name, display_name=NASTY, role="viewer")
        assert page.status_code in (409, 422)
        assert told in words(page)
        assert f'value="{name}"' in page.text
        assert NASTY not in page.text


async def test_what_people_are_called_is_shown_as_text(admin: Browser) -> None:
    for path in ("/desk/people", "/desk/people/bert"):
        page = await admin.get(path)
        assert (page.status_code, NASTY in page.text) == (200, False)
        assert NASTY in words(page) or "&lt;script&gt;" in page.text


async def test_roles_are_given_and_taken_and_the_last_admin_stays(people: TheDesk, admin: Browser) -> None:
    assert (await admin.send("/desk/people/bert/grant", role="operator", site="")).status_code == 303
    page = await admin.get("/desk/people/bert")
    assert "bert is operator on all sites now." in words(page)
    operator = Grant(role=Role.OPERATOR, site=None)
    assert operator in (await get_person(people.database, "bert", by=ANNA)).grants
    await admin.send("/desk/people/bert/withdraw", role="operator", site="")
    assert operator not in (await get_person(people.database, "bert", by=ANNA)).grants
    kept = await admin.send("/desk/people/anna/withdraw", role="admin", site="")
    assert (kept.status_code, "the last who can appoint others" in words(kept)) == (409, True)
    assert (await admin.send("/desk/people/bert/grant", role="king", site="")).status_code == 422
    assert (await admin.send("/desk/people/nobody/grant", role="viewer", site="")).status_code == 404


async def test_disabling_ends_what_somebody_does(people: TheDesk, admin: Browser) -> None:
    bert = await people.logged_in("bert")
    assert (await admin.send("/desk/people/bert/disable")).status_code == 303
    assert (await bert.get("/desk/keys")).status_code == 303
    assert "Enable bert" in words(await admin.get("/desk/people/bert"))
    assert (await admin.send("/desk/people/bert/enable")).status_code == 303
    assert (await bert.log_in("bert")).status_code == 303
    assert (await admin.send("/desk/people/bert/log-out")).status_code == 303
    assert (await bert.get("/desk/keys")).status_code == 303


async def test_a_token_is_shown_once_and_revoked(people: TheDesk, admin: Browser) -> None:
    made = await admin.send("/desk/people/bert/tokens", token="ci", scope="", site="", days="30")
    secret = secret_of(made.text)
    header = {"Authorization": f"Bearer {secret}"}
    assert (await people.browser().client.get("/api/v1/me", headers=header)).json()["token"] == "bert/ci"
    page = await admin.get("/desk/people/bert")
    assert secret not in page.text
    again = await admin.send("/desk/people/bert/tokens", token="ci", scope="", site="", days="30")
    assert (again.status_code, "not revoked" in words(again)) == (409, True)
    assert (await admin.send("/desk/people/bert/tokens/ci/revoke")).status_code == 303
    assert (await people.browser().client.get("/api/v1/me", headers=header)).status_code == 401


@pytest.mark.parametrize("path", [*WRITES, *TOKENS])
async def test_nothing_changes_without_a_fresh_login(people: TheDesk, admin: Browser, path: str) -> None:
    await make_stale(people)
    before = await get_person(people.database, "bert", by=ANNA)
    asked = await admin.send(f"/desk/people{path}", name="emil", role="admin", token="ci")
    assert (asked.status_code, asked.headers["location"].partition("?")[0]) == (303, "/desk/confirm")
    assert await get_person(people.database, "bert", by=ANNA) == before
    admin.client.headers["accept"] = "application/json"
    told = await admin.send(f"/desk/people{path}", name="emil", role="admin", token="ci")
    assert (told.status_code, told.json()["type"]) == (403, "/problems/login-not-fresh")


async def test_the_password_again_makes_the_login_fresh(people: TheDesk, admin: Browser) -> None:
    await make_stale(people)
    page = await admin.get("/desk/people/bert")
    assert "Changes take your password again." in words(page)
    asked = await admin.get("/desk/confirm", next="/desk/people/bert")
    assert asked.status_code == 200
    wrong = await admin.send("/desk/confirm", password="wrong", next="/desk/people/bert")
    assert (wrong.status_code, "Name or password is wrong." in words(wrong)) == (401, True)
    right = await admin.send("/desk/confirm", password=PASSWORD, next="//evil.example")
    assert right.headers["location"] == "/desk/"
    assert "Changes take your password again." not in words(await admin.get("/desk/people/bert"))


@pytest.mark.parametrize("path", [*WRITES, *TOKENS])
async def test_whoever_is_no_admin_changes_nothing(people: TheDesk, path: str) -> None:
    if "carl" not in await _everybody(people):
        await people.person("carl", [Grant(role=role, site=None) for role in Role if role is not Role.ADMIN])
    carl = await people.logged_in("carl")
    refused = await carl.send(f"/desk/people{path}", name="emil", role="admin", token="ci")
    assert refused.status_code == 403
    assert "emil" not in await _everybody(people)


async def test_ones_own_password_is_changed_under_account(people: TheDesk, admin: Browser) -> None:
    away = await admin.send("/desk/people/anna/reset")
    assert away.headers["location"] == "/desk/account"
    await people.person("frida", [REVIEWER])
    here, there = await people.logged_in("frida"), await people.logged_in("frida", address="192.0.2.1")
    page = await here.get("/desk/account")
    assert "Log out 1 other session" in words(page)
    new = "a staple of new words"
    for fields, told in (
        ({"password": PASSWORD, "new_password": new, "repeated": "other"}, "the two new passwords differ"),
        ({"password": PASSWORD, "new_password": "short", "repeated": "short"}, "12 to 200 characters"),
        ({"password": "wrong", "new_password": new, "repeated": new}, "Name or password is wrong."),
    ):
        assert told in words(await here.send("/desk/account/password", **fields))
    done = await here.send("/desk/account/password", password=PASSWORD, new_password=new, repeated=new)
    assert done.status_code == 303
    assert "1 other session ended." in words(await here.get("/desk/account"))
    assert (await there.get("/desk/account")).status_code == 303
    assert (await there.log_in("frida", new)).status_code == 303
    assert (await here.send("/desk/account/log-out-others")).status_code == 303
    assert (await there.get("/desk/account")).status_code == 303


async def _everybody(desk: TheDesk) -> set[str]:
    async with desk.database.unit_of_work() as uow:
        return {each.name for each in await uow.users.list_all()}


async def test_somebody_without_a_role_may_see_his_account_alone(people: TheDesk) -> None:
    await people.person("gina")
    gina = await people.logged_in("gina")
    assert "no role yet" in words(await gina.get("/desk/account"))
    for path in ("/desk/people", "/desk/people/gina", "/desk/audit", "/desk/audit/export"):
        assert (await gina.get(path)).status_code == 403


async def test_many_people_and_long_names_are_listed(people: TheDesk, admin: Browser) -> None:
    await add_person(
        people.database, "x" * 64, ADMIN, by=ANNA, display_name="名" * 120, email=f"{'y' * 100}@example.com"
    )
    page = await admin.get("/desk/people")
    assert (page.status_code, "名" * 120 in page.text) == (200, True)
