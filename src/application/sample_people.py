"""Two people for trying the desk on a machine where nobody is."""

from pydantic import BaseModel, ConfigDict, SecretStr

from src.domain.person import Grant, Role
from src.domain.principal import Principal
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.database.unit_of_work import Database

from .passwords import reset_password
from .people import add_person

OWNER, REVIEWER = "owner", "reviewer"
_GRANTS = {
    OWNER: [Grant(role=Role.ADMIN, site=None)],
    # With the second role what a reviewer approves also goes live, and can be undone.
    REVIEWER: [Grant(role=Role.REVIEWER, site=None), Grant(role=Role.PUBLISHER, site=None)],
}


class SamplePerson(BaseModel):
    """A person with his password, which is shown this once."""

    model_config = ConfigDict(frozen=True)

    name: str
    password: SecretStr


async def add_sample_people(
    database: Database, *, by: Principal, os_user: str | None, passwords: Passwords
) -> list[SamplePerson]:
    """Add an owner and a reviewer, unless there is anybody.

    The owner is the operating system's user, so that the command line goes on to work. Raises NotPermitted.
    """
    async with database.unit_of_work() as uow:
        if await uow.users.list_all():
            return []
    people = []
    for name, grants in _GRANTS.items():
        await add_person(database, name, *grants, by=by, os_user=os_user if name == OWNER else None)
        made = await reset_password(database, name, by=by, passwords=passwords)
        people.append(SamplePerson(name=name, password=made.password))
    return people
