"""Lets people in by password, and finds out who they are.

A login that fails is counted and logged, never recorded in the audit trail: anybody could else fill the trail, which
keeps everything for ever. What a login that succeeds records names the failures before it.
"""

import secrets
from datetime import UTC, datetime

import structlog
from pydantic import SecretStr

from src.domain.api_token import fingerprint
from src.domain.errors import LoginRefused, NotAuthenticated
from src.domain.login import KNOWN_FOR
from src.domain.permissions import Action
from src.domain.person import Person, is_name
from src.domain.principal import Origin, Principal
from src.domain.session import LIFETIME, OpenedSession, Session, SignedIn
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.authentication.sessions import SessionAuthentication
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .login_limits import Try, count_try, take_back

__all__ = ["OpenedSession", "Sessions", "SignedIn"]

log = structlog.get_logger()

_SECRET_BYTES = 32  # 256 bits
_KEPT = max(KNOWN_FOR, LIFETIME)  # a session tells from where its person logged in


class Sessions:
    """The use cases of who logs in and out."""

    def __init__(self, database: Database, passwords: Passwords | None = None) -> None:
        self._database = database
        self._passwords = passwords or Passwords()
        self._authentication = SessionAuthentication(database)

    async def log_in(self, name: str, password: SecretStr, *, address: str | None) -> OpenedSession:
        """Begin a session of the person.

        Raises LoginRefused for a name that nobody has, a wrong password, and a person who is disabled or has none; and
        TooManyLogins, when the password was not looked at.
        """
        name = name.strip().lower()  # as telephones write it
        made, stored = await self._check(name, password, address)
        renewed = await self._renewed(password, stored)
        secret = SecretStr(secrets.token_urlsafe(_SECRET_BYTES))
        async with self._database.unit_of_work() as uow:
            person = await _still(uow, name, stored)
            await self._succeed(uow, name, made, renewed)
            await uow.sessions.forget(name, older_than=_KEPT)
            expires_at = datetime.now(UTC) + LIFETIME
            session = await uow.sessions.insert(name, hash_=fingerprint(secret), address=address, expires_at=expires_at)
            told = {"failed_before": made.failed_before}
            await uow.audit.record(Action.USER_LOG_IN, name, by=_principal(person, address), after=told)
        return OpenedSession(secret=secret, session=session)

    async def identify(self, secret: SecretStr, *, address: str | None) -> SignedIn:
        """Return who uses the session, from rows as they are now.

        Raises NotAuthenticated.
        """
        return await self._authentication.find(secret, address=address)

    async def confirm(self, secret: SecretStr, password: SecretStr, *, address: str | None) -> Session:
        """Take the password again, so that the session is fresh.

        Raises NotAuthenticated, and as ``log_in`` does.
        """
        name = (await self.identify(secret, address=address)).session.user
        made, stored = await self._check(name, password, address)
        renewed = await self._renewed(password, stored)
        async with self._database.unit_of_work() as uow:
            person = await _still(uow, name, stored)
            await self._succeed(uow, name, made, renewed)
            await uow.sessions.confirm(fingerprint(secret))
            session = await uow.sessions.find_by_hash(fingerprint(secret))
            if session is None or session.ended_at is not None:
                raise NotAuthenticated("ended")
            told = {"failed_before": made.failed_before, "again": True}
            await uow.audit.record(Action.USER_LOG_IN, name, by=_principal(person, address), after=told)
        return session

    async def log_out(self, secret: SecretStr) -> None:
        """End the session.

        One that has ended or never was is no error.
        """
        async with self._database.unit_of_work() as uow:
            session = await uow.sessions.find_by_hash(fingerprint(secret))
            if session is None or session.ended_at is not None:
                return
            await uow.sessions.end(fingerprint(secret))
            person = await uow.users.get(session.user)
            await uow.audit.record(Action.USER_LOG_OUT, session.user, by=_principal(person, session.address))

    def require_fresh(self, session: Session) -> None:
        """Raise LoginNotFresh unless the password was given just now."""
        session.require_fresh(datetime.now(UTC))

    async def _check(self, name: str, password: SecretStr, address: str | None) -> tuple[Try, str]:
        """Return the counted try and the hash that fits. Raises LoginRefused, TooManyLogins.

        Somebody who is nobody, has no password or is disabled costs as many statements and as long a computation.
        """
        async with self._database.unit_of_work() as uow:
            made = await count_try(uow, name, address)
            asked = name if is_name(name) else "-"
            stored = await uow.users.find_password_hash(asked)
            person = await uow.users.find(asked)
        if person is None or person.disabled_at is not None:
            stored = None
        if not await self._passwords.verify(password, stored) or stored is None:
            log.warning("login_refused", address=address)  # no name: it may be a password in the wrong field
            raise LoginRefused(retry_after=made.wait or None)
        return made, stored

    async def _renewed(self, password: SecretStr, stored: str) -> str | None:
        """Return a new hash where the stored one is from other parameters."""
        return await self._passwords.hash(password) if self._passwords.is_outdated(stored) else None

    async def _succeed(self, uow: UnitOfWork, name: str, made: Try, renewed: str | None) -> None:
        await take_back(uow, made)
        if renewed is not None:
            await uow.users.set_password_hash(name, renewed)


async def _still(uow: UnitOfWork, name: str, stored: str) -> Person:
    """Return the person, whose password is the verified one still.

    Raises LoginRefused.
    """
    await uow.users.lock()
    person = await uow.users.find(name)
    if person is None or person.disabled_at is not None or await uow.users.find_password_hash(name) != stored:
        raise LoginRefused
    return person


def _principal(person: Person, address: str | None) -> Principal:
    return Principal(name=person.name, origin=Origin.DESK, address=address, person=person)
