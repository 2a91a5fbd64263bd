"""Adds people, changes their roles, and identifies who is at the keyboard."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid, NotFound
from src.domain.paging import Excerpt, NamePosition, Page
from src.domain.permissions import Action
from src.domain.person import Grant, Person, Role, parse_name, parse_text
from src.domain.principal import Origin, Principal
from src.infrastructure.database.unit_of_work import Database, UnitOfWork


async def identify(database: Database, *, name: str | None, os_user: str | None, address: str) -> Principal:
    """Return who acts on the command line.

    It is the person named, else the one who is the operating system's user, and while there are no users the machine's
    owner. Raises NotFound for who is none, Conflict for who is disabled.
    """
    async with database.unit_of_work() as uow:
        known = await uow.users.list_all() if await uow.users.have_table() else []
    if not known and name is None:
        return Principal.owner(address, address=address)
    found = [each for each in known if each.name == name or (name is None and os_user and each.os_user == os_user)]
    if not found:
        names = [each.name for each in known if each.disabled_at is None]
        raise NotFound("user", name or os_user or "", known=names, hint=Hint.NAME_PERSON if known else Hint.ADD_USER)
    if found[0].disabled_at is not None:
        raise Conflict(ConflictReason.USER_DISABLED, found[0].name, hint=Hint.ENABLE_USER)
    return Principal(name=found[0].name, origin=Origin.COMMAND_LINE, address=address, person=found[0])


async def list_people(database: Database, *, by: Principal) -> list[Person]:
    """Return everybody, by name. Raises NotPermitted."""
    by.require(Action.USER_READ, None)
    async with database.unit_of_work() as uow:
        return await uow.users.list_all()


async def list_people_page(
    database: Database, *, by: Principal, excerpt: Excerpt[NamePosition]
) -> Page[Person, NamePosition]:
    """Return a page of everybody, by name. Raises NotPermitted."""
    following = [
        each for each in await list_people(database, by=by) if excerpt.after is None or each.name > excerpt.after.name
    ]
    return Page.of([(each, NamePosition(name=each.name)) for each in following], excerpt.limit)


async def get_person(database: Database, name: str, *, by: Principal) -> Person:
    """Return who has this name. Raises NotFound, and NotPermitted."""
    by.require(Action.USER_READ, None)
    async with database.unit_of_work() as uow:
        return await uow.users.get(name)


async def add_person(
    database: Database,
    name: str,
    *grants: Grant,
    by: Principal,
    display_name: str | None = None,
    email: str | None = None,
    os_user: str | None = None,
) -> Person:
    """Add a person, with first roles if any are given.

    The first person of all has to be an admin of all sites. Raises InputInvalid, NotFound for a role's site,
    NotPermitted, and Conflict for a name or user of the operating system that is taken.
    """
    by.require(Action.USER_ADD, None)
    parse_name(name)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        await _require_room(uow, name, grants, os_user=os_user)
        await uow.users.insert(
            name,
            display_name=parse_text(display_name or name, "display_name"),
            email=_email(email),
            os_user=parse_text(os_user, "os_user") if os_user else None,
        )
        await _grant(uow, name, grants)
        person = await uow.users.get(name)
        await uow.audit.record(Action.USER_ADD, name, by=by, after=person.state)
        return person


async def change_role(database: Database, name: str, *grants: Grant, by: Principal, withdraw: bool = False) -> Person:
    """Give the person all the roles, or take them with ``withdraw``.

    Repeating changes nothing. Raises NotFound, NotPermitted, and Conflict when nobody could appoint others any more.
    """
    by.require(Action.USER_ROLE, None)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        before = await uow.users.get(name)
        changing = [grant for grant in grants if (grant in before.grants) is withdraw]
        if not changing:
            return before
        if withdraw:
            await uow.users.withdraw(name, changing)
        else:
            await _grant(uow, name, changing)
        return await _changed(uow, before, Action.USER_ROLE, by=by)


async def set_disabled(database: Database, name: str, *, by: Principal, disabled: bool) -> Person:
    """Let the person act no more, or again; repeating changes nothing.

    It counts from his next request or command on. Raises as ``change_role`` does.
    """
    action = Action.USER_DISABLE if disabled else Action.USER_ENABLE
    by.require(action, None)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        before = await uow.users.get(name)
        if (before.disabled_at is not None) is disabled:
            return before
        await uow.users.set_disabled(name, disabled=disabled)
        await uow.sessions.end_all(name)  # or they would count again once he is enabled
        return await _changed(uow, before, action, by=by)


class Forgotten(NamedTuple):
    """What was taken from somebody with a site, to be recorded."""

    action: Action
    subject: str
    before: dict[str, Any]
    after: dict[str, Any] | None


async def forget_site(uow: UnitOfWork, site: str) -> list[Forgotten]:
    """Take all roles and tokens that are for this site alone."""
    await uow.users.lock()
    forgotten = []
    for person in await uow.users.list_all():
        left = tuple(grant for grant in person.grants if grant.site != site)
        if left != person.grants:
            after = person.model_copy(update={"grants": left}).state
            forgotten.append(Forgotten(Action.USER_ROLE, person.name, person.state, after))
            await uow.users.withdraw(person.name, [grant for grant in person.grants if grant.site == site])
    for token in await uow.api_tokens.list_current(site):
        await uow.api_tokens.revoke(token.user, token.name)
        forgotten.append(Forgotten(Action.TOKEN_REVOKE, token.label, token.state, None))
    return forgotten


async def _changed(uow: UnitOfWork, before: Person, action: Action, *, by: Principal) -> Person:
    people = await uow.users.list_all()
    if before.is_admin and not any(each.is_admin for each in people):
        raise Conflict(ConflictReason.LAST_ADMIN, before.name, hint=Hint.LIST_USERS)
    after = next(each for each in people if each.name == before.name)
    await uow.audit.record(action, before.name, by=by, before=before.state, after=after.state)
    return after


async def _grant(uow: UnitOfWork, name: str, grants: Sequence[Grant]) -> None:
    for grant in dict.fromkeys(grants):
        if grant.site is not None:
            await uow.sites.get(grant.site)
        await uow.users.grant(name, grant)


async def _require_room(uow: UnitOfWork, name: str, grants: Sequence[Grant], *, os_user: str | None) -> None:
    people = await uow.users.list_all()
    if not people and Grant(role=Role.ADMIN, site=None) not in grants:
        given = grants[0].role.value if grants else None
        raise InputInvalid("role", given, "the first user has to be an admin of all sites, who adds the others")
    if any(each.name == name for each in people):
        raise Conflict(ConflictReason.USER_EXISTS, name, hint=Hint.LIST_USERS)
    for each in people:
        if os_user and each.os_user == os_user:
            raise InputInvalid("os_user", os_user, f"the operating system's user is {each.name} already")


def _email(text: str | None) -> str | None:
    if text is None:
        return None
    address = parse_text(text, "email")
    name, _, host = address.partition("@")
    if not name or not host or " " in address or "@" in host:
        raise InputInvalid("email", text, "write it as anna@example.com")
    return address
