"""Sets passwords of people, and ends their sessions."""

from pydantic import BaseModel, ConfigDict, SecretStr, field_serializer

from src.domain.api_token import fingerprint
from src.domain.errors import LoginRefused
from src.domain.login import parse_password, random_password
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.session import Session
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .login_limits import clear_name, count_try, take_back


class NewPassword(BaseModel):
    """A password that was set, shown this once.

    Attributes:
        ended: how many sessions of the person it ended.
    """

    model_config = ConfigDict(frozen=True)

    user: str
    password: SecretStr
    ended: int

    @field_serializer("password", when_used="json")
    def _shown(self, password: SecretStr) -> str:
        return password.get_secret_value()


class EndedSessions(BaseModel):
    """How many sessions of a person were ended."""

    model_config = ConfigDict(frozen=True)

    user: str
    ended: int


async def reset_password(
    database: Database, name: str, *, by: Principal, passwords: Passwords, password: SecretStr | None = None
) -> NewPassword:
    """Set a password of the person, and end all his sessions.

    It is a random one if none is given. From where he logged in before is forgotten too: whoever knew the old one may
    have been there. Raises InputInvalid, NotFound and NotPermitted.
    """
    by.require(Action.USER_PASSWORD, None)
    chosen = random_password() if password is None else parse_password(password)
    hash_ = await passwords.hash(chosen)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        await uow.users.get(name)
        ended = await _set(uow, name, hash_)
        await uow.audit.record(Action.USER_PASSWORD, name, by=by, after={"sessions_ended": ended})
    return NewPassword(user=name, password=chosen, ended=ended)


async def change_password(
    database: Database,
    secret: SecretStr,
    *,
    by: Principal,
    passwords: Passwords,
    old: SecretStr,
    new: SecretStr,
    address: str | None,
) -> EndedSessions:
    """Set one's own password by the old one.

    All one's sessions but this one end. ``secret`` is the session's. Raises InputInvalid, LoginRefused for a wrong old
    one, and TooManyLogins.
    """
    parse_password(new, "new_password")
    async with database.unit_of_work() as uow:
        made = await count_try(uow, by.name, address)
        stored = await uow.users.find_password_hash(by.name)
    if not await passwords.verify(old, stored):
        raise LoginRefused(retry_after=made.wait or None)
    hash_ = await passwords.hash(new)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        if await uow.users.find_password_hash(by.name) != stored:
            raise LoginRefused
        await take_back(uow, made)
        await uow.users.set_password_hash(by.name, hash_)
        ended = await uow.sessions.end_all(by.name, but=fingerprint(secret))
        await uow.audit.record(Action.USER_PASSWORD, by.name, by=by, after={"sessions_ended": ended})
    return EndedSessions(user=by.name, ended=ended)


async def end_sessions(database: Database, name: str, *, by: Principal, but: SecretStr | None = None) -> EndedSessions:
    """End the person's sessions, all but one if ``but`` is its secret.

    Everybody may end his own. Raises NotFound and NotPermitted.
    """
    if by.person is None or by.person.name != name:
        by.require(Action.USER_LOG_OUT, None)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        await uow.users.get(name)
        ended = await uow.sessions.end_all(name, but=fingerprint(but) if but else None)
        if ended:
            await uow.audit.record(Action.USER_LOG_OUT, name, by=by, after={"sessions_ended": ended})
    return EndedSessions(user=name, ended=ended)


async def list_sessions(database: Database, name: str, *, by: Principal) -> list[Session]:
    """Return the person's sessions that can be used, the newest first.

    Everybody may see his own. Raises NotPermitted.
    """
    if by.person is None or by.person.name != name:
        by.require(Action.USER_READ, None)
    async with database.unit_of_work() as uow:
        return await uow.sessions.list_current(name)


async def has_password(database: Database, name: str, *, by: Principal) -> bool:
    """Return whether the person can log in with one. Raises NotPermitted."""
    by.require(Action.USER_READ, None)
    async with database.unit_of_work() as uow:
        return await uow.users.find_password_hash(name) is not None


async def _set(uow: UnitOfWork, name: str, hash_: str) -> int:
    await uow.users.set_password_hash(name, hash_)
    await uow.sessions.forget_addresses(name)
    await clear_name(uow, name)
    return await uow.sessions.end_all(name)
