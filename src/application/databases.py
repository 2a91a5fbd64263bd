"""Migrates the database, backs it up and restores it, by command."""

from datetime import timedelta
from pathlib import Path

from src.domain.errors import Conflict, ConflictReason, Hint
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database import dumps, schema
from src.infrastructure.database.unit_of_work import Database

from .contracts import contract_refusal

_SEEN_LATELY = timedelta(minutes=1)  # as long as the lease of a worker


async def upgrade_database(database: Database, *, force: bool = False, by: Principal) -> None:
    """Migrate up to this version's revision; safe to repeat.

    ``force`` contracts the schema though workers of older code live. Raises NotPermitted, and Conflict for these.
    """
    by.require(Action.DATABASE_UPGRADE, None)
    if not force and (blocked := await contract_refusal(database)):
        workers = ", ".join(blocked.workers)
        raise Conflict(ConflictReason.CODE_TOO_OLD, blocked.migration, workers=workers, hint=Hint.DRAIN_FIRST)
    await schema.upgrade(database.engine, by=by)


async def downgrade_database(database: Database, revision: str, *, by: Principal) -> None:
    """Migrate down to the revision, losing what it has no place for.

    Raises NotPermitted, and Conflict for an unknown revision.
    """
    by.require(Action.DATABASE_DOWNGRADE, None)
    await schema.downgrade(database.engine, revision, by=by)


async def back_up_database(database: Database, file: Path, *, programs: Path, by: Principal) -> int:
    """Write a dump to ``file``, and return its bytes.

    Work goes on meanwhile.     ``programs`` is the folder of PostgreSQL's own. Raises NotPermitted, and BackupFailed.
    """
    by.require(Action.DATABASE_BACKUP, None)
    return await dumps.dump(database.engine, file, programs=programs)


async def restore_database(
    database: Database, file: Path, *, programs: Path, replace: bool = False, by: Principal
) -> str | None:
    """Restore a dump, whole or not at all, and return its revision.

    Tables that are there already are dropped only to ``replace`` them. Temporal's histories are not in a dump: the
    watchdog and ``ScheduleDrift`` find what they lack. Raises NotPermitted, BackupFailed, and Conflict where tables
    exist or workers live.
    """
    by.require(Action.DATABASE_RESTORE, None)
    if await schema.find_revision(database.engine) is not None:
        await _require_no_workers(database)
        if not replace:
            raise Conflict(ConflictReason.TABLES_EXIST, "database", hint=Hint.REPLACE_DATABASE)
    await dumps.restore(database.engine, file, programs=programs)
    return await schema.record_restore(database.engine, file.name, by=by)


async def _require_no_workers(database: Database) -> None:
    async with database.unit_of_work() as uow:
        found = await uow.workers.list_unended()
    alive = [each.instance for each in found if each.read_at - each.last_seen_at < _SEEN_LATELY]
    if alive:
        raise Conflict(ConflictReason.WORKERS_LIVE, ", ".join(alive), hint=Hint.STOP_WORKERS)
