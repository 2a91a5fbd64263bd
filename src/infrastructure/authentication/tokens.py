"""API tokens as credentials.

Token, person and roles are read for every request: revoking, disabling and a changed role count from the next one on.
"""

import hmac
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from src.domain.api_token import fingerprint
from src.domain.errors import NotAuthenticated
from src.domain.principal import Origin, Principal
from src.infrastructure.database.api_tokens import StoredToken
from src.infrastructure.database.unit_of_work import Database

_NOTED = timedelta(minutes=1)  # a use is kept to the minute, so that most requests write nothing


class TokenAuthentication:
    """The port ``domain.principal.Authentication``, by API token."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authenticate(self, credential: SecretStr, *, origin: Origin, address: str | None) -> Principal:
        """Return the token's person with the token's bounds.

        Raises NotAuthenticated.
        """
        hash_ = fingerprint(credential)
        async with self._database.unit_of_work() as uow:
            stored = _usable(await uow.api_tokens.find_by_hash(hash_), hash_)
            token = stored.token
            person = await uow.users.get(token.user)
            if person.disabled_at is not None:
                raise NotAuthenticated("disabled")
            if token.last_used_at is None or token.last_used_at < datetime.now(UTC) - _NOTED:
                await uow.api_tokens.note_use(stored.id)
        return Principal(
            name=person.name,
            origin=origin,
            address=address,
            person=person,
            token=token.label,
            scopes=frozenset(token.scopes),
            site=token.site,
        )


def _usable(stored: StoredToken | None, hash_: str) -> StoredToken:
    if stored is None or not hmac.compare_digest(stored.hash, hash_):
        raise NotAuthenticated("unknown")
    if stored.token.revoked_at is not None:
        raise NotAuthenticated("revoked")
    if stored.token.expires_at is not None and stored.token.expires_at <= datetime.now(UTC):
        raise NotAuthenticated("expired")
    return stored
