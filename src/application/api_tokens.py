"""Makes, lists and revokes API tokens."""

import secrets
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from src.domain.api_token import PREFIX, ApiToken, CreatedToken, fingerprint
from src.domain.errors import Conflict, ConflictReason, Hint, InputInvalid
from src.domain.permissions import ALLOWED, Action
from src.domain.person import Person, Role, allows, parse_name
from src.domain.principal import Principal
from src.infrastructure.database.unit_of_work import Database

_SECRET_BYTES = 32  # 256 bits


async def create_token(
    database: Database,
    user: str,
    name: str,
    *,
    by: Principal,
    scopes: tuple[Role, ...] = (),
    site: str | None = None,
    lifetime: timedelta | None,
) -> CreatedToken:
    """Make a token of the user and return it with its secret.

    The secret is kept nowhere. Without scopes it has the user's roles as they are now. Without ``lifetime`` it does not
    expire. Raises InputInvalid for a role that the user lacks, NotFound, NotPermitted, and Conflict for a name in use.
    """
    by.require(Action.TOKEN_CREATE, None)
    parse_name(name, "token")
    secret = SecretStr(PREFIX + secrets.token_urlsafe(_SECRET_BYTES))
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        person = await uow.users.get(user)
        if site is not None:
            await uow.sites.get(site)
        if await uow.api_tokens.find_current(user, name):
            raise Conflict(ConflictReason.TOKEN_EXISTS, f"{user}/{name}", hint=Hint.LIST_TOKENS)
        token = await uow.api_tokens.insert(
            user,
            name,
            hash_=fingerprint(secret),
            scopes=_scopes(person, scopes, site),
            site=site,
            expires_at=_end_of(lifetime),
        )
        await uow.audit.record(Action.TOKEN_CREATE, token.label, by=by, site=site, after=token.state)
    return CreatedToken(token=token, secret=secret)


async def list_tokens(database: Database, user: str, *, by: Principal) -> list[ApiToken]:
    """Return the user's tokens, the oldest first. Raises NotFound, and NotPermitted."""
    by.require(Action.USER_READ, None)
    async with database.unit_of_work() as uow:
        await uow.users.get(user)
        return await uow.api_tokens.list_for(user)


async def revoke_token(database: Database, user: str, name: str, *, by: Principal) -> ApiToken:
    """End the token; it is refused from the next request on.

    Raises NotFound, and NotPermitted.
    """
    by.require(Action.TOKEN_REVOKE, None)
    async with database.unit_of_work() as uow:
        await uow.users.lock()
        await uow.users.get(user)
        before = await uow.api_tokens.get_current(user, name)
        await uow.api_tokens.revoke(user, name)
        revoked = [each for each in await uow.api_tokens.list_for(user) if each.created_at == before.created_at]
        await uow.audit.record(Action.TOKEN_REVOKE, before.label, by=by, site=before.site, before=before.state)
        return revoked[-1]


def _end_of(lifetime: timedelta | None) -> datetime | None:
    if lifetime is None:
        return None
    try:
        return datetime.now(UTC) + lifetime
    except OverflowError as error:
        raise InputInvalid("expires", str(lifetime), "it is longer than any calendar") from error


def _scopes(person: Person, wanted: tuple[Role, ...], site: str | None) -> tuple[Role, ...]:
    held = {grant.role for grant in person.grants if site is None or grant.site in (None, site)}
    for role in wanted:
        if not all(allows(held, action) for action, roles in ALLOWED.items() if role in roles):
            raise InputInvalid("scope", role.value, f"the roles of {person.name} there do not reach so far")
    if not held:
        raise InputInvalid("user", person.name, "there is no role for a token to use; grant one first")
    return tuple(role for role in Role if role in (wanted or held))
