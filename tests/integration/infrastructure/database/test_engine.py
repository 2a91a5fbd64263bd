"""A pooler may swap connections under us: nothing that we need is left on one, unless the URL says there is none."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from src.infrastructure.database.engine import create_engine, without_pooler
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture
async def pooled(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(database_url, pool_size=1))
    yield database
    await database.close()


@pytest.fixture
async def direct(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(without_pooler(database_url), pool_size=1))
    yield database
    await database.close()


async def ask(uow: UnitOfWork) -> object:
    return await uow._session.scalar(text("SELECT CAST(:number AS integer)"), {"number": 7})


async def kept(uow: UnitOfWork) -> int:
    names = await uow._session.scalars(
        text("SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT CAST%'")
    )
    return len(names.all())


async def forget(uow: UnitOfWork) -> None:
    await uow._session.execute(text("DEALLOCATE ALL"))


async def test_behind_a_pooler_no_statement_stays_on_a_connection(pooled: Database) -> None:
    assert [await pooled.run_autocommit(ask) for _ in range(3)] == [7, 7, 7]
    assert await pooled.run_autocommit(kept) == 0
    await pooled.run_autocommit(forget)
    assert await pooled.run_autocommit(ask) == 7


async def test_without_a_pooler_statements_stay(direct: Database) -> None:
    assert [await direct.run_autocommit(ask) for _ in range(3)] == [7, 7, 7]
    assert await direct.run_autocommit(kept) == 1


async def test_a_kept_statement_survives_a_migration(direct: Database) -> None:
    async def read(uow: UnitOfWork) -> tuple[object, ...]:
        return tuple((await uow._session.execute(text("SELECT * FROM migrating"))).one())

    async def migrate(statement: str) -> None:
        async with direct.engine.begin() as connection:
            await connection.execute(text(statement))

    await migrate("CREATE TABLE migrating AS SELECT 1 AS a")
    try:
        assert await direct.run_autocommit(read) == (1,)
        await migrate("ALTER TABLE migrating ADD COLUMN b integer DEFAULT 2")
        assert await direct.run_autocommit(read) == (1, 2)
    finally:
        await migrate("DROP TABLE migrating")


async def test_a_single_statement_is_kept_without_a_transaction_around_it(pooled: Database) -> None:
    async def transactions(uow: UnitOfWork) -> tuple[object, ...]:
        await uow._session.execute(text("SELECT pg_current_xact_id()"))
        row = await uow._session.execute(text("SELECT pg_current_xact_id_if_assigned() IS NULL"))
        return tuple(row.one())

    assert await pooled.run_autocommit(transactions) == (True,)
    assert await pooled.run_in_transaction(transactions) == (False,)
