"""What waits is read from rows, without sites of our own."""

from datetime import timedelta

from sqlalchemy import text

from src.domain.alert import AlertKind, Finding
from src.domain.colour import BLUE
from src.domain.running_code import RunningCode
from src.infrastructure.database.backlog import Backlog
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.workers.registration import Registration
from tests.finished_articles import finished_articles, save
from tests.publications import approve

ALIVE = timedelta(minutes=1)


async def read(database: Database) -> Backlog:
    return await database.run_in_transaction(lambda uow: uow.backlog.read(alive=ALIVE))


async def backdate(database: Database, statement: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(statement))


async def test_an_empty_database_has_no_backlog(database: Database) -> None:
    nothing = timedelta(0)
    assert await read(database) == Backlog(0, nothing, 0, 0, nothing, 0, nothing, 0, {}, {})


async def test_articles_reviews_alerts_and_workers_are_counted(database: Database) -> None:
    refs = await finished_articles(database, 4)
    for ref in refs[:2]:
        await save(database, ref)
    await approve(database, refs[0].article_id)
    await backdate(database, "UPDATE batches SET opened_at = now() - interval '1 hour'")
    await backdate(database, "UPDATE articles SET created_at = now() - interval '5 hours'")  # a later batch has them
    await backdate(database, "UPDATE reviews SET waiting_since = now() - interval '2 days'")
    finding = Finding(kind=AlertKind.SLOT_MISSING, subject="hardware-shop/1", site="hardware-shop", detail="missing")
    async with database.unit_of_work() as uow:
        await uow.alerts.settle(AlertKind.SLOT_MISSING, [finding])
    worker = Registration(database, instance="w", colour=BLUE, code=RunningCode(version="c"), slots=1)
    await worker.register()
    backlog = await read(database)
    assert (backlog.queued, backlog.generating, backlog.reviews, backlog.batches) == (2, 0, 1, 1)
    assert timedelta(hours=1) <= backlog.queued_for < timedelta(hours=2)
    assert timedelta(days=2) <= backlog.review_for < timedelta(days=3)
    assert backlog.alerts == {AlertKind.SLOT_MISSING: 1}
    assert backlog.workers == {BLUE: 1}
    await backdate(database, "UPDATE workers SET last_seen_at = now() - interval '2 minutes'")
    assert (await read(database)).workers == {}


async def test_what_is_put_off_does_not_wait(database: Database) -> None:
    (ref,) = await finished_articles(database)
    await save(database, ref)
    await backdate(database, "UPDATE reviews SET snoozed_until = now() + interval '1 day'")
    assert (await read(database)).reviews == 0
