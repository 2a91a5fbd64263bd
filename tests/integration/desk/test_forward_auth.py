"""A proxy asks us whether a browser may see Temporal's UI, which holds every text."""

import pytest

from src.domain.person import Grant, Role
from tests.factories import a_site

from .conftest import TheDesk, words

UI = "/desk/temporal/namespaces/longtail/workflows?query=a&b=\u0022"
HERE = "hardware-shop"
PATH = "/desk/forward-auth"
PAGE = {"Accept": "text/html,application/xhtml+xml", "X-Forwarded-Uri": UI}


async def test_a_page_leads_to_the_login_and_back(desk: TheDesk) -> None:
    answer = await desk.browser().client.get(PATH, headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/desk/login?next=%2Fdesk%2Ftemporal%2F")
    login = await desk.browser().get(answer.headers["location"])
    assert f"Back to: {UI}" in words(login)


async def test_an_address_of_another_host_leads_nowhere(desk: TheDesk) -> None:
    answer = await desk.browser().client.get(PATH, headers=PAGE | {"X-Forwarded-Uri": "//evil.example/desk/"})
    assert answer.headers["location"] == "/desk/login?next=%2Fdesk%2F"


async def test_what_is_no_page_gets_no_login_page(desk: TheDesk) -> None:
    answer = await desk.browser().client.get(PATH, headers=PAGE | {"Accept": "*/*"})
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize(
    ("role", "site", "status"),
    [
        (Role.ADMIN, None, 204),
        (Role.OPERATOR, None, 204),
        (Role.PUBLISHER, None, 403),
        (Role.OPERATOR, HERE, 403),  # histories hold the texts of all sites
    ],
)
async def test_a_role_for_all_sites_opens_it(desk: TheDesk, role: Role, site: str | None, status: int) -> None:
    name = f"{role}-{site or 'all'}"
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=HERE))
    await desk.person(name, [Grant(role=role, site=site)])
    browser = await desk.logged_in(name)
    answer = await browser.client.get(PATH, headers=PAGE)
    assert answer.status_code == status
