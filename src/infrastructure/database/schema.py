"""Revisions of the schema: migrated by command, checked before use."""

import re
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from src.domain.errors import Conflict, ConflictReason, SchemaOutdated
from src.domain.permissions import Action
from src.domain.principal import Principal

from .audit import AuditRepository

InTransaction = Callable[[AsyncConnection], Awaitable[None]]

_FOLDER = Path(__file__).parents[3] / "migrations"  # next to src, in a checkout and in a wheel alike
_CONTRACT = re.compile(r"^contract(: bool)? = True$", re.MULTILINE)
_WORKERS_SAY_SINCE = "0016"  # which migration they know


async def _nothing(_: AsyncConnection) -> None:
    pass


async def upgrade(engine: AsyncEngine, revision: str = "head", *, by: Principal | None = None) -> None:
    """Migrate up to ``revision``; does nothing when it is there already.

    ``by`` is who does it, for the audit trail. Raises Conflict for an unknown revision.
    """
    before = await find_revision(engine)
    if revision == "head" and before is not None and before > newest_revision() and await is_current(engine):
        return  # a later version was here, and left what this one needs

    async def record(connection: AsyncConnection) -> None:
        if by is not None and before != (wanted := newest_revision()) and revision == "head":
            await _record(connection, Action.DATABASE_UPGRADE, by, before=before, after=wanted)

    await _run(engine, "upgrade", revision, then=record)


async def downgrade(engine: AsyncEngine, revision: str, *, by: Principal | None = None) -> None:
    """Migrate down to ``revision``.

    Data of dropped columns and tables is gone. ``by`` as in ``upgrade``. Raises Conflict for an unknown revision.
    """
    before = await find_revision(engine)

    async def record(connection: AsyncConnection) -> None:  # first, since the trail may lose what it needs for it
        if by is not None and before == newest_revision() != revision:
            await _record(connection, Action.DATABASE_DOWNGRADE, by, before=before, after=revision)

    await _run(engine, "downgrade", revision, first=record)


async def check(engine: AsyncEngine) -> None:
    """Compare the database with the models.

    Raises SchemaOutdated when a migration is missing, Conflict when models changed without one.
    """
    await require_current(engine)
    await _run(engine, "check")


async def is_current(engine: AsyncEngine) -> bool:
    """Return whether this version can use the database.

    It is at this version's revision, or at a later one that took nothing away: so the version before can come back.
    """
    found = await find_revision(engine)
    wanted = newest_revision()
    if found is None or found <= wanted:
        return found == wanted
    return (await find_oldest_code(engine) or "") <= wanted


async def require_current(engine: AsyncEngine) -> None:
    """Raise SchemaOutdated unless this version can use the database."""
    if not await is_current(engine):
        raise SchemaOutdated(await find_revision(engine), newest_revision(), oldest_code=await find_oldest_code(engine))


async def find_oldest_code(engine: AsyncEngine) -> str | None:
    """Return the last contract migration of the database.

    Code that does not know it cannot use the database. None: every version can.
    """
    has_column = text(
        "SELECT 1 FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = 'routing' AND column_name = 'oldest_code'"
    )
    async with engine.connect() as connection:
        if await connection.scalar(has_column) is None:
            return None
        found: str | None = await connection.scalar(text("SELECT oldest_code FROM routing"))
        return found


def list_contracts() -> list[str]:
    """Return the revisions of this version that take something away."""
    files = sorted((_FOLDER / "versions").glob("[0-9]*_*.py"))
    return [file.name.partition("_")[0] for file in files if _CONTRACT.search(file.read_text("utf-8"))]


async def list_pending_contracts(engine: AsyncEngine) -> list[str]:
    """Return the contract migrations that the database waits for.

    A new database waits for none.
    """
    found = await find_revision(engine)
    return [] if found is None else [each for each in list_contracts() if each > found]


async def list_older_workers(engine: AsyncEngine, revision: str) -> list[str]:
    """Return the workers that live and do not know the revision.

    The table is read as it is: the database may be of an earlier version.
    """
    known = "migration" if (await find_revision(engine) or "") >= _WORKERS_SAY_SINCE else "NULL"
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('workers')")) is None:
            return []
        living = text(
            f"SELECT instance FROM workers WHERE said_goodbye_at IS NULL AND taken_over_at IS NULL "  # noqa: S608 - ours
            f"AND last_seen_at > now() - interval '1 minute' AND coalesce({known}, '') < :revision ORDER BY instance"
        )
        return list(await connection.scalars(living, {"revision": revision}))


async def find_revision(engine: AsyncEngine) -> str | None:
    """Return the database's revision, None for one that was never migrated."""
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return None
        found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


async def record_restore(engine: AsyncEngine, file: str, *, by: Principal) -> str | None:
    """Record that the database is that of a dump.

    Return its revision. A dump of another version records nothing: its trail may lack what that needs.
    """
    found = await find_revision(engine)
    if found == newest_revision():
        async with engine.begin() as connection, AsyncSession(bind=connection) as session:
            trail = AuditRepository(session)
            await trail.record(Action.DATABASE_RESTORE, "schema", by=by, after={"file": file, "revision": found})
            await session.commit()
    return found


def newest_revision() -> str:
    """Return this version's revision: files begin with theirs, counted up."""
    return max(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py"))


async def _record(
    connection: AsyncConnection, action: Action, by: Principal, *, before: str | None, after: str
) -> None:
    """Record the migration in its own transaction."""
    async with AsyncSession(bind=connection) as session:
        trail = AuditRepository(session)
        await trail.record(action, "schema", by=by, before={"revision": before}, after={"revision": after})
        await session.commit()  # of the session: the connection's transaction goes on


async def _run(
    engine: AsyncEngine, verb: str, *arguments: str, first: InTransaction = _nothing, then: InTransaction = _nothing
) -> None:
    # Half a second of imports, which every command would pay for a database that is almost always up to date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util.exc import AutogenerateDiffsDetected, CommandError  # noqa: PLC0415

    def run(connection: Connection) -> None:
        config = Config(stdout=StringIO(), attributes={"connection": connection})
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        getattr(command, verb)(config, *arguments)

    try:
        async with engine.begin() as connection:
            await first(connection)
            await connection.run_sync(run)
            await then(connection)
    except AutogenerateDiffsDetected as error:
        raise Conflict(ConflictReason.MIGRATION_MISSING, "database", problem=str(error)) from error
    except CommandError as error:
        raise Conflict(ConflictReason.MIGRATION_FAILED, "database", problem=f"{verb}: {error}") from error
