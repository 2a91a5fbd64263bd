"""API tokens: found by their hash, never stored themselves."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Row, Select, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.api_token import ApiToken
from src.domain.errors import Hint, NotFound
from src.domain.person import Role

from .tables import ApiTokenRow, UserRow

_USED_TO = timedelta(minutes=1)  # a write a minute and token, not one a request


class StoredToken(BaseModel):
    """A token with what it is recognised by."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    token: ApiToken
    hash: str = Field(repr=False)


class ApiTokenRepository:
    """The API tokens of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert(
        self,
        user: str,
        name: str,
        *,
        hash_: str,
        scopes: tuple[Role, ...],
        site: str | None,
        expires_at: datetime | None,
    ) -> ApiToken:
        """Store a new token of the user."""
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        values = {"name": name, "hash": hash_, "scopes": list(scopes), "site": site, "expires_at": expires_at}
        await self._session.execute(insert(ApiTokenRow).values(user_id=owner, **values))
        return await self.get_current(user, name)

    async def find_by_hash(self, hash_: str) -> StoredToken | None:
        """Return the token, also one that may not be used any more."""
        found = (await self._session.execute(_tokens(ApiTokenRow.hash == hash_))).first()
        return StoredToken(id=found[0].id, token=_token(found), hash=found[0].hash) if found else None

    async def get_current(self, user: str, name: str) -> ApiToken:
        """Return the user's token that is not revoked. Raises NotFound."""
        if token := await self.find_current(user, name):
            return token
        raise NotFound("token", f"{user}/{name}", hint=Hint.LIST_TOKENS)

    async def find_current(self, user: str, name: str) -> ApiToken | None:
        """Return the user's token of this name that is not revoked."""
        wanted = _tokens(UserRow.name == user, ApiTokenRow.name == name, ApiTokenRow.revoked_at.is_(None))
        found = (await self._session.execute(wanted)).first()
        return _token(found) if found else None

    async def list_for(self, user: str) -> list[ApiToken]:
        """Return the user's tokens, the oldest first, revoked ones too."""
        return [_token(row) for row in await self._session.execute(_tokens(UserRow.name == user))]

    async def list_current(self, site: str | None = None) -> list[ApiToken]:
        """Return all tokens that are not revoked.

        With ``site`` those that are for it alone.
        """
        bound = [] if site is None else [ApiTokenRow.site == site]
        rows = await self._session.execute(_tokens(ApiTokenRow.revoked_at.is_(None), *bound))
        return [_token(row) for row in rows]

    async def revoke(self, user: str, name: str) -> None:
        """End the user's current token of this name."""
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        current = ApiTokenRow.user_id == owner, ApiTokenRow.name == name, ApiTokenRow.revoked_at.is_(None)
        await self._session.execute(update(ApiTokenRow).where(*current).values(revoked_at=func.now()))

    async def note_use(self, token_id: UUID) -> None:
        """Keep that the token was used now, to the minute."""
        is_old = ApiTokenRow.last_used_at < func.now() - _USED_TO
        await self._session.execute(
            update(ApiTokenRow)
            .where(ApiTokenRow.id == token_id, or_(ApiTokenRow.last_used_at.is_(None), is_old))
            .values(last_used_at=func.now())
        )


def _tokens(*conditions: ColumnElement[bool]) -> Select[ApiTokenRow, str]:
    joined = select(ApiTokenRow, UserRow.name).join(UserRow, UserRow.id == ApiTokenRow.user_id)
    return joined.where(*conditions).order_by(ApiTokenRow.created_at).execution_options(populate_existing=True)


def _token(found: Row[ApiTokenRow, str]) -> ApiToken:
    row, user = found
    return ApiToken(
        user=user,
        name=row.name,
        scopes=tuple(Role(scope) for scope in row.scopes),
        site=row.site,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
