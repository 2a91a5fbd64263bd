"""How many statements a list needs, however long it is, and that errors carry no values of rows."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from src.application import batches, sites
from src.infrastructure.database.errors import describe
from src.infrastructure.database.unit_of_work import Database
from tests.applications import ANNA
from tests.factories import SLOT, a_site, longtails, open_batch


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", count)
    yield statements
    event.remove(database.engine.sync_engine, "before_cursor_execute", count)


@pytest.mark.parametrize(
    "listing",
    [
        lambda database: batches.list_batches(database, by=ANNA, limit=100),
        lambda database: batches.list_batches(database, by=ANNA, site="hardware-shop", limit=100),
        lambda database: sites.list_sites(database, by=ANNA),
    ],
    ids=["batches", "batches of a site", "sites"],
)
async def test_a_list_needs_as_many_statements_for_many_rows_as_for_few(
    database: Database, listing: Callable[[Database], Awaitable[list[object]]]
) -> None:
    async with database.unit_of_work() as uow:
        for number in range(5):
            await uow.sites.upsert(a_site(slug=f"shop-{number}"))
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(8), source="test")
    await open_batch(database, limit=1)
    with counted(database) as few:
        await listing(database)
    for day in range(1, 6):
        await open_batch(database, SLOT + timedelta(days=day), limit=1)
    with counted(database) as many:
        listed = await listing(database)
    assert len(listed) == 6
    assert len(many) == len(few) <= 3


async def test_a_database_error_carries_no_values(database: Database) -> None:
    secret = "a keyword that nobody else may read"
    statement = "INSERT INTO sites (slug, description) VALUES (:slug, '{}')"
    with pytest.raises(DBAPIError) as error:
        async with database.engine.begin() as connection:
            await connection.execute(text(statement), {"slug": secret})
            await connection.execute(text(statement), {"slug": secret})
    assert "parameters hidden" in str(error.value)
    described = describe(error.value)
    assert secret not in str(described)
    assert (described.kind, described.sqlstate) == ("UniqueViolationError", "23505")
