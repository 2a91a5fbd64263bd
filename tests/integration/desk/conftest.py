"""The desk on a database of each module's own: the app as it is served, and browsers without a socket."""

import html
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import SecretStr

from src.api.app import create_app
from src.application.passwords import reset_password
from src.application.people import add_person
from src.bootstrap import Application
from src.domain.person import Grant, Role
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.applications import ANNA
from tests.conftest import cloned
from tests.integration.api.away import WithoutTemporal

ADMIN = Grant(role=Role.ADMIN, site=None)
PASSWORD = "correct horse battery"
_FAST = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_TOKEN = re.compile(r'name="csrf" content="([0-9a-f]+)"')


class Browser:
    """Somebody at the desk: keeps cookies, sends forms with the token of the page that it saw last."""

    def __init__(self, transport: ASGITransport) -> None:
        self.client = AsyncClient(transport=transport, base_url="http://desk.test")
        self.token = ""

    async def get(self, path: str, **query: Any) -> Response:
        """Open a page; redirects are not followed."""
        return self._saw(await self.client.get(path, params=query or None))

    async def send(self, path: str, **fields: Any) -> Response:
        """Send a form of the page that was seen last."""
        return self._saw(await self.client.post(path, data={"csrf": self.token, **fields}))

    async def log_in(self, name: str, password: str = PASSWORD, *, to: str = "") -> Response:
        """Open the login page and log in."""
        await self.get("/desk/login")
        answer = await self.send("/desk/login", name=name, password=password, next=to)
        if answer.status_code == 303:
            await self.get("/desk/keys")  # a page, for the token of the session
        return answer

    def _saw(self, answer: Response) -> Response:
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer


class TheDesk:
    """The app, its database, and browsers."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.database: Database = application.database
        self.app = create_app(application)

    def browser(self, address: str = "10.0.0.7") -> Browser:
        """Return a new browser at this address."""
        return Browser(ASGITransport(app=self.app, client=(address, 1234)))

    async def person(self, name: str, grants: Iterable[Grant] = (), **known: str) -> None:
        """Add a person who may log in by the password of these tests."""
        await add_person(self.database, name, *grants, by=ANNA, **known)
        passwords, password = self.application.passwords, SecretStr(PASSWORD)
        await reset_password(self.database, name, by=ANNA, passwords=passwords, password=password)

    async def logged_in(self, name: str, *, address: str = "10.0.0.7") -> Browser:
        """Return a browser in which the person is logged in."""
        browser = self.browser(address)
        assert (await browser.log_in(name)).status_code == 303
        return browser


def words(answer: Response) -> str:
    """Return the text of a page, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


@pytest.fixture(scope="module")
async def own_database(database_url: str) -> AsyncIterator[Database]:
    """A database of the module alone."""
    async with cloned(database_url) as own:
        yield own


@pytest.fixture(scope="module")
async def desk(own_database: Database) -> TheDesk:
    """The desk on that database, without Temporal; anna is an admin of all sites."""
    application = WithoutTemporal.on(own_database, Settings.model_construct())
    object.__setattr__(application, "passwords", Passwords(_FAST))
    made = TheDesk(application)
    await made.person("anna", [ADMIN])
    return made
