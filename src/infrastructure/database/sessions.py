"""Sessions: found by their hash, never stored themselves."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.session import IDLE, Session

from .tables import SessionRow, UserRow

_USED_TO = timedelta(minutes=1)  # a write a minute and session, not one a request


class SessionRepository:
    """The sessions of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def insert(self, user: str, *, hash_: str, address: str | None, expires_at: datetime) -> Session:
        """Store a new session of the person."""
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        values = {"hash": hash_, "address": address, "expires_at": expires_at}
        await self._session.execute(insert(SessionRow).values(user_id=owner, **values))
        found = (await self._session.execute(_sessions(SessionRow.hash == hash_))).one()
        return _of(found)

    async def find_by_hash(self, hash_: str) -> Session | None:
        """Return the session, also one that may not be used any more."""
        found = (await self._session.execute(_sessions(SessionRow.hash == hash_))).first()
        return _of(found) if found else None

    async def list_current(self, user: str) -> list[Session]:
        """Return the person's sessions that can be used, the newest first."""
        can_be_used = (
            SessionRow.ended_at.is_(None),
            SessionRow.expires_at > func.now(),
            SessionRow.last_used_at > func.now() - IDLE,
        )
        return [_of(row) for row in await self._session.execute(_sessions(UserRow.name == user, *can_be_used))]

    async def list_addresses(self, user: str, *, since: timedelta) -> set[str]:
        """Return from where the person logged in within this time."""
        wanted = select(SessionRow.address).join(UserRow, UserRow.id == SessionRow.user_id)
        of_him = UserRow.name == user, SessionRow.address.is_not(None), SessionRow.began_at > func.now() - since
        return {address for address in await self._session.scalars(wanted.where(*of_him).distinct()) if address}

    async def note_use(self, hash_: str) -> None:
        """Keep that the session was used now, to the minute."""
        is_old = SessionRow.last_used_at < func.now() - _USED_TO
        changing = update(SessionRow).where(SessionRow.hash == hash_, is_old)
        await self._session.execute(changing.values(last_used_at=func.now()))

    async def confirm(self, hash_: str) -> None:
        """Keep that its person gave the password now."""
        changing = update(SessionRow).where(SessionRow.hash == hash_, SessionRow.ended_at.is_(None))
        await self._session.execute(changing.values(confirmed_at=func.now(), last_used_at=func.now()))

    async def end(self, hash_: str) -> None:
        """End one session."""
        await self._end(SessionRow.hash == hash_)

    async def end_all(self, user: str, *, but: str | None = None) -> int:
        """End the person's sessions, and return how many.

        With ``but``, a hash, all others.
        """
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        other = [] if but is None else [SessionRow.hash != but]
        return await self._end(SessionRow.user_id == owner, *other)

    async def forget_addresses(self, user: str) -> None:
        """Forget from where the person logged in."""
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        await self._session.execute(update(SessionRow).where(SessionRow.user_id == owner).values(address=None))

    async def forget(self, user: str, *, older_than: timedelta) -> None:
        """Delete the person's sessions that began longer ago."""
        owner = select(UserRow.id).where(UserRow.name == user).scalar_subquery()
        old = SessionRow.user_id == owner, SessionRow.began_at < func.now() - older_than
        await self._session.execute(delete(SessionRow).where(*old))

    async def _end(self, *conditions: ColumnElement[bool]) -> int:
        ended = await self._session.scalars(
            update(SessionRow)
            .where(SessionRow.ended_at.is_(None), *conditions)
            .values(ended_at=func.now())
            .returning(SessionRow.id)
        )
        return len(ended.all())


def _sessions(*conditions: ColumnElement[bool]) -> Select[SessionRow, str]:
    joined = select(SessionRow, UserRow.name).join(UserRow, UserRow.id == SessionRow.user_id)
    newest_first = joined.where(*conditions).order_by(SessionRow.began_at.desc())
    return newest_first.execution_options(populate_existing=True)


def _of(found: Row[SessionRow, str]) -> Session:
    row, user = found
    return Session(
        user=user,
        address=row.address,
        began_at=row.began_at,
        confirmed_at=row.confirmed_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )
