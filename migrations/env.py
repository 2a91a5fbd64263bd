"""Runs migrations over asyncpg.

In the connection it is handed, else in one of its own.
"""

import asyncio

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script
from sqlalchemy import Connection, text

from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine, normalise_url
from src.infrastructure.database.tables import Table
from src.settings import Settings

_LOCK = 4_720_411  # any number; only one process migrates a database at a time


def run(connection: Connection) -> None:
    """Run the wanted migrations in ``connection``, one transaction for all."""
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        compare_server_default=True,
        on_version_apply=_note_contract,
    )
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.run_migrations()


def _note_contract(ctx: MigrationContext, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001
    """Store the oldest code that can use a contracted database."""
    script = step.up_revision
    if not isinstance(script, Script) or not getattr(script.module, "contract", False) or ctx.connection is None:
        return
    before = [each for each in schema.list_contracts() if each < script.revision]
    oldest = script.revision if step.is_upgrade else max(before, default=None)
    ctx.connection.execute(text("UPDATE routing SET oldest_code = :oldest"), {"oldest": oldest})


async def connect_and_run() -> None:
    """Connect to DATABASE_URL, for alembic's own command line."""
    url = Settings.load().database_url
    if url is None:
        raise SystemExit("set DATABASE_URL, or use `longtail db upgrade`, which knows the embedded database")
    engine = create_engine(normalise_url(url.get_secret_value()), pool_size=1)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if connection := context.config.attributes.get("connection"):
    run(connection)
else:
    asyncio.run(connect_and_run())
