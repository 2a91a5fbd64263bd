"""Migrates the database by command."""

from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database


async def upgrade_database(database: Database, *, by: Principal) -> None:
    """Migrate up to this version's revision; safe to repeat. Raises NotPermitted."""
    by.require(Action.DATABASE_UPGRADE, None)
    await schema.upgrade(database.engine, by=by)


async def downgrade_database(database: Database, revision: str, *, by: Principal) -> None:
    """Migrate down to the revision, losing what it has no place for.

    Raises NotPermitted, and Conflict for an unknown revision.
    """
    by.require(Action.DATABASE_DOWNGRADE, None)
    await schema.downgrade(database.engine, revision, by=by)
