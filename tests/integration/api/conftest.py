"""The API on a database of each module's own: the app as it is served, without a socket unless a test needs one."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from httpx2 import ASGITransport, AsyncClient

from src.api.app import create_app
from src.application.api_tokens import create_token
from src.application.people import add_person, change_role
from src.bootstrap import Application
from src.domain.person import Grant, Role
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.applications import ANNA
from tests.conftest import cloned

from .away import WithoutTemporal

ADMIN = Grant(role=Role.ADMIN, site=None)
LONG = timedelta(days=1)


class Api:
    """An app, its database, and people who ask it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.database: Database = application.database
        self.app = create_app(application)
        self._transport = ASGITransport(app=self.app, client=("10.0.0.7", 1234))

    @classmethod
    def on(cls, database: Database) -> "Api":
        """Return the API on a database, without Temporal."""
        return cls(WithoutTemporal.on(database, Settings.model_construct()))

    def client(self, token: str | None = None) -> AsyncClient:
        """Return somebody who asks with this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return AsyncClient(transport=self._transport, base_url="http://api.test", headers=headers)

    async def person(
        self,
        name: str,
        *grants: Grant,
        site: str | None = None,
        scopes: tuple[Role, ...] = (),
        lifetime: timedelta | None = LONG,
    ) -> str:
        """Add a person with roles, and return the secret of a token."""
        first, *others = grants
        await add_person(self.database, name, first, by=ANNA)
        for grant in others:
            await change_role(self.database, name, grant, by=ANNA)
        made = await create_token(self.database, name, "test", by=ANNA, lifetime=lifetime, site=site, scopes=scopes)
        return made.secret.get_secret_value()


@pytest.fixture(scope="module")
async def own_database(database_url: str) -> AsyncIterator[Database]:
    """A database of the module alone, with the audit trail of nobody else."""
    async with cloned(database_url) as own:
        yield own


@pytest.fixture(scope="module")
def api(own_database: Database) -> Api:
    """The app on that database, without Temporal."""
    return Api.on(own_database)


@pytest.fixture(scope="module")
async def admin(api: Api) -> str:
    """Return the token of an admin of all sites, the first user."""
    return await api.person("admin", ADMIN)


@pytest.fixture
async def asking(api: Api, admin: str) -> AsyncIterator[AsyncClient]:
    """The admin, who asks."""
    async with api.client(admin) as client:
        yield client
