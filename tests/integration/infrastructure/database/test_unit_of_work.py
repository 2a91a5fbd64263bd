"""One failed flush must not sink the rest: what happened with one shared session, and what happens with ours."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.longtail import Longtail, LongtailStatus
from src.infrastructure.database.tables import LongtailRow
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from tests.factories import a_site

PHRASES = ["a", "b", "c", "d", "a", "f", "g", "h", "i", "j"]  # the fifth breaks the unique key


def row(phrase: str) -> LongtailRow:
    return LongtailRow(site="hardware-shop", phrase=phrase, key=phrase, source="test")


@pytest.fixture(autouse=True)
async def _site(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())


async def kept(database: Database) -> int:
    async with database.unit_of_work() as uow:
        return (await uow.longtails.count_by_status("hardware-shop"))[LongtailStatus.READY]


async def test_one_shared_session_loses_every_row_to_one_bad_flush(database: Database) -> None:
    outcomes: list[type[Exception] | None] = []
    async with AsyncSession(database.engine) as session:
        for phrase in PHRASES:
            session.add(row(phrase))
            try:
                await session.flush()
                outcomes.append(None)
            except (IntegrityError, PendingRollbackError) as error:
                outcomes.append(type(error))
        with pytest.raises(PendingRollbackError):
            await session.commit()
    assert outcomes == [None] * 4 + [IntegrityError] + [PendingRollbackError] * 5
    assert await kept(database) == 0


async def test_one_unit_of_work_each_loses_only_the_bad_row(database: Database) -> None:
    async def add(phrase: str) -> None:
        async def work(uow: UnitOfWork) -> None:
            uow._session.add(row(phrase))

        await database.run_in_transaction(work)

    outcomes = await asyncio.gather(*(add(phrase) for phrase in PHRASES), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [IntegrityError]
    assert await kept(database) == 9


async def test_a_worker_keeps_nothing_unless_it_commits(database: Database) -> None:
    async with database.unit_of_work(autocommit=False) as uow:
        await uow.longtails.add("hardware-shop", [Longtail(phrase="leaky tap")], source="test")
    assert await kept(database) == 0


async def test_a_request_commits_on_a_clean_exit_only(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.unit_of_work() as uow:
            await uow.longtails.add("hardware-shop", [Longtail(phrase="leaky tap")], source="test")
            raise LookupError
    assert await kept(database) == 0
    async with database.unit_of_work() as uow:
        await uow.longtails.add("hardware-shop", [Longtail(phrase="leaky tap")], source="test")
    assert await kept(database) == 1


async def test_a_lost_serialisation_race_is_run_once_more(database: Database) -> None:
    """Two transactions that each read what the other writes: PostgreSQL refuses one, and it runs again."""
    both_have_read = asyncio.Barrier(2)
    runs = 0

    async def work(uow: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await uow._session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
        count = (await uow.longtails.count_by_status("hardware-shop"))[LongtailStatus.READY]
        if runs <= 2:
            await both_have_read.wait()
        await uow.longtails.add("hardware-shop", [Longtail(phrase=f"phrase {count} of run {runs}")], source="test")

    await asyncio.gather(database.run_in_transaction(work), database.run_in_transaction(work))
    assert runs == 3
    assert await kept(database) == 2
