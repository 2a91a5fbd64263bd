"""People and their roles, read anew whenever somebody acts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.errors import Hint, NotFound
from src.domain.person import Grant, Person

from .tables import UserRoleRow, UserRow


class UserRepository:
    """The people of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self) -> None:
        """Wait until no other transaction changes people; then be the one."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("users", 0))))

    async def have_table(self) -> bool:
        """Return whether the database is new enough to know people."""
        return await self._session.scalar(select(func.to_regclass("users"))) is not None

    async def list_all(self) -> list[Person]:
        """Return everybody, by name."""
        return await self._list()

    async def find(self, name: str) -> Person | None:
        """Return who has this name, None if nobody does."""
        return next(iter(await self._list(UserRow.name == name)), None)

    async def find_by_os_user(self, os_user: str) -> Person | None:
        """Return who is this user of the operating system."""
        return next(iter(await self._list(UserRow.os_user == os_user)), None)

    async def get(self, name: str) -> Person:
        """Return who has this name. Raises NotFound."""
        if person := await self.find(name):
            return person
        raise NotFound("user", name, hint=Hint.LIST_USERS)

    async def insert(self, name: str, *, display_name: str, email: str | None, os_user: str | None) -> None:
        """Add a person without roles."""
        values = {"name": name, "display_name": display_name, "email": email, "os_user": os_user}
        await self._session.execute(insert(UserRow).values(**values))

    async def grant(self, name: str, grant: Grant) -> None:
        """Give the person a role that he does not have."""
        await self._session.execute(insert(UserRoleRow).values(user_id=_id_of(name), role=grant.role, site=grant.site))

    async def withdraw(self, name: str, grants: Sequence[Grant]) -> None:
        """Take the roles from the person."""
        for grant in grants:
            await self._session.execute(
                delete(UserRoleRow).where(
                    UserRoleRow.user_id == _id_of(name),
                    UserRoleRow.role == grant.role,
                    UserRoleRow.site.is_not_distinct_from(grant.site),
                )
            )

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Let the person act no more, or again."""
        statement = update(UserRow).where(UserRow.name == name)
        await self._session.execute(statement.values(disabled_at=func.now() if disabled else None))

    async def find_password_hash(self, name: str) -> str | None:
        """Return the hash of the person's password, None if there is none."""
        return await self._session.scalar(select(UserRow.password_hash).where(UserRow.name == name))

    async def set_password_hash(self, name: str, hash_: str) -> None:
        """Store the hash of the person's password."""
        await self._session.execute(update(UserRow).where(UserRow.name == name).values(password_hash=hash_))

    async def _list(self, *conditions: ColumnElement[bool]) -> list[Person]:
        people = select(UserRow).where(*conditions).order_by(UserRow.name)
        rows = (await self._session.scalars(people.execution_options(populate_existing=True))).all()
        granted = (
            select(UserRoleRow)
            .where(UserRoleRow.user_id.in_([row.id for row in rows]))
            .order_by(UserRoleRow.role, UserRoleRow.site.nulls_first())
            .execution_options(populate_existing=True)
        )
        grants: dict[object, list[Grant]] = {row.id: [] for row in rows}
        for role in await self._session.scalars(granted):
            grants[role.user_id].append(Grant.model_validate(role))
        return [_person(row, tuple(grants[row.id])) for row in rows]


def _id_of(name: str) -> ScalarSelect[UUID]:
    return select(UserRow.id).where(UserRow.name == name).scalar_subquery()


def _person(row: UserRow, grants: tuple[Grant, ...]) -> Person:
    return Person(
        name=row.name,
        display_name=row.display_name,
        email=row.email,
        os_user=row.os_user,
        disabled_at=row.disabled_at,
        created_at=row.created_at,
        grants=grants,
    )
