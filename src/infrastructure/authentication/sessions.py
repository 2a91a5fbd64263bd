"""Sessions of the desk as credentials.

Session, person and roles are read for every request: logging out, disabling and a changed role count from the next
one on.
"""

from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from src.domain.api_token import fingerprint
from src.domain.errors import NotAuthenticated
from src.domain.principal import Origin, Principal
from src.domain.session import SignedIn
from src.infrastructure.database.unit_of_work import Database

_NOTED = timedelta(minutes=1)  # a use is kept to the minute, so that most requests write nothing


class SessionAuthentication:
    """The port ``domain.principal.Authentication``, by session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authenticate(self, credential: SecretStr, *, origin: Origin, address: str | None) -> Principal:
        """Return who uses the session. Raises NotAuthenticated."""
        return (await self.find(credential, origin=origin, address=address)).principal

    async def find(
        self, credential: SecretStr, *, origin: Origin = Origin.DESK, address: str | None = None
    ) -> SignedIn:
        """Return who uses the session, and the session. Raises NotAuthenticated."""
        now = datetime.now(UTC)
        async with self._database.unit_of_work() as uow:
            session = await uow.sessions.find_by_hash(fingerprint(credential))
            if session is None:
                raise NotAuthenticated("unknown")
            session.require_usable(now)
            person = await uow.users.get(session.user)
            if person.disabled_at is not None:
                raise NotAuthenticated("disabled")
            if session.last_used_at < now - _NOTED:
                await uow.sessions.note_use(fingerprint(credential))
        principal = Principal(name=person.name, origin=origin, address=address, person=person)
        return SignedIn(principal=principal, session=session)
