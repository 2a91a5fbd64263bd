"""Claims and re-opened batches lock and read what is theirs, and never stand in another site's way."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from src.domain.batch import Trigger
from src.domain.colour import BLUE
from src.domain.errors import LongtailsLocked
from src.domain.longtail import LongtailStatus
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.unit_of_work import Database
from tests.factories import SLOT, a_site, longtails

SITES = ("shop-a", "shop-b", "shop-c")
UNLOCKED = text("SELECT count(*) FROM (SELECT FROM longtails FOR UPDATE SKIP LOCKED) AS unlocked")


def batch_of(site: str, *, day: int = 0, run: str = "run-1") -> BatchRequest:
    return BatchRequest(
        site=site,
        slot=SLOT + timedelta(days=day),
        trigger=Trigger.SCHEDULE,
        colour=BLUE,
        workflow_id=f"batch/{site}",
        run_id=run,
    )


@pytest.fixture
async def sites(database: Database) -> Database:
    async with database.unit_of_work() as uow:
        for slug in SITES:
            await uow.sites.upsert(a_site(slug=slug))
            await uow.longtails.add(slug, longtails(200), source="test")
    async with database.unit_of_work() as uow:
        batch_id, _ = await uow.batches.open(batch_of("shop-a"), limit=8, force=False)
        await uow.batches.close(batch_id, cancelled=True, error=None)
    return database


async def test_a_batch_that_opens_again_locks_its_own_longtails_only(sites: Database) -> None:
    async with sites.unit_of_work(autocommit=False) as reopening:
        await reopening.batches.open(batch_of("shop-a", run="run-2"), limit=8, force=False)
        async with sites.engine.begin() as connection:
            assert await connection.scalar(UNLOCKED) == 3 * 200 - 8


async def test_batches_that_open_meanwhile_claim_what_they_should(sites: Database) -> None:
    async with sites.unit_of_work(autocommit=False) as reopening:
        await reopening.batches.open(batch_of("shop-a", run="run-2"), limit=8, force=False)
        async with sites.unit_of_work() as uow:
            other, _ = await uow.batches.open(batch_of("shop-b"), limit=5, force=False)
            same_site, _ = await uow.batches.open(batch_of("shop-a", day=1), limit=5, force=False)
            assert (await uow.batches.get(other)).total == 5
            assert (await uow.batches.get(same_site)).total == 5
        await reopening.commit()
    async with sites.unit_of_work() as uow:
        counts = await uow.longtails.count_by_status("shop-a")
    assert counts[LongtailStatus.CLAIMED] == 8 + 5


async def test_a_reopened_batch_leaves_a_longtail_that_another_batch_has(sites: Database) -> None:
    async with sites.unit_of_work() as uow:
        other, _ = await uow.batches.open(batch_of("shop-a", day=1), limit=200, force=False)  # all of them
    async with sites.unit_of_work() as uow:
        reopened, has_work = await uow.batches.open(batch_of("shop-a", run="run-2"), limit=8, force=False)
        batch = await uow.batches.get(reopened)
        assert has_work
        assert (batch.total, batch.cancelled) == (8, 8)
        assert (await uow.batches.get(other)).total == 200


async def test_a_claim_that_finds_every_ready_longtail_locked_is_no_finished_batch(sites: Database) -> None:
    async with sites.unit_of_work(autocommit=False) as claiming:
        await claiming.batches.open(batch_of("shop-b"), limit=200, force=False)
        with pytest.raises(LongtailsLocked):
            async with sites.unit_of_work() as uow:
                await uow.batches.open(batch_of("shop-b", day=1), limit=5, force=False)
    async with sites.unit_of_work() as uow:  # the other one rolled back, as a dead worker's does
        batch_id, _ = await uow.batches.open(batch_of("shop-b", day=1), limit=5, force=False)
        assert (await uow.batches.get(batch_id)).total == 5


async def test_a_site_without_ready_longtails_opens_an_empty_batch(sites: Database) -> None:
    async with sites.unit_of_work() as uow:
        await uow.batches.open(batch_of("shop-c"), limit=200, force=False)
    async with sites.unit_of_work() as uow:
        batch_id, has_work = await uow.batches.open(batch_of("shop-c", day=1), limit=5, force=False)
        assert (has_work, (await uow.batches.get(batch_id)).total) == (True, 0)


MADE = text(
    "INSERT INTO longtails (id, site, phrase, key, source) SELECT gen_random_uuid(), site, phrase, phrase, 'test'"
    " FROM unnest(CAST(:sites AS text[])) AS site, generate_series(1, :keywords) AS number,"
    " concat('how to store garden tool number ', number) AS phrase"
)
LOCKED = text("SELECT site, count(*) FROM longtails WHERE id <> ALL(:unlocked) GROUP BY site")
FREE = text("SELECT id FROM longtails FOR UPDATE SKIP LOCKED")
READ = text(  # by this transaction
    "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables WHERE relname = 'longtails'"
)


@pytest.fixture
async def large_sites(database: Database) -> Database:
    """Three sites of 2,000 keywords each; the first one's slot has failed."""
    await _fill(database, SITES, keywords=2_000)
    await _fail_slot(database, "shop-a")
    return database


async def _fill(database: Database, sites: Sequence[str], *, keywords: int) -> None:
    async with database.unit_of_work() as uow:
        for slug in sites:
            await uow.sites.upsert(a_site(slug=slug))
    async with database.engine.begin() as connection:
        await connection.execute(MADE, {"sites": list(sites), "keywords": keywords})


async def _fail_slot(database: Database, site: str) -> None:
    async with database.unit_of_work() as uow:
        batch_id, _ = await uow.batches.open(batch_of(site), limit=8, force=False)
        await uow.batches.close(batch_id, cancelled=False, error=("BatchFailed", "none of 8 articles succeeded"))
    async with database.engine.connect() as connection:  # else the next plans know nothing of so many rows
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))


async def test_a_failed_slot_of_a_large_site_that_opens_again_leaves_the_others_what_they_should_get(
    large_sites: Database,
) -> None:
    async with large_sites.unit_of_work(autocommit=False) as reopening:
        await reopening.batches.open(batch_of("shop-a", run="run-2"), limit=8, force=False)
        async with large_sites.engine.connect() as connection:
            free = list(await connection.scalars(FREE))
            await connection.rollback()
            locked = (await connection.execute(LOCKED, {"unlocked": free})).all()
        assert locked == [("shop-a", 8)]
        for site in ("shop-b", "shop-c"):
            async with large_sites.unit_of_work() as uow:
                batch_id, _ = await uow.batches.open(batch_of(site), limit=300, force=False)
                assert (await uow.batches.get(batch_id)).total == 300
        async with large_sites.unit_of_work() as uow:
            next_day, _ = await uow.batches.open(batch_of("shop-a", day=1), limit=5, force=False)
            assert (await uow.batches.get(next_day)).total == 5
        await reopening.commit()


async def test_opening_a_slot_of_eight_again_reads_and_locks_eight_of_twenty_thousand(database: Database) -> None:
    await _fill(database, SITES[:2], keywords=10_000)
    await _fail_slot(database, "shop-a")
    async with database.unit_of_work(autocommit=False) as reopening:
        before = await reopening.longtails._session.scalar(READ)  # what was not reported of the ones before
        await reopening.batches.open(batch_of("shop-a", run="run-2"), limit=8, force=False)
        read = await reopening.longtails._session.scalar(READ) - before
        async with database.engine.begin() as connection:
            assert await connection.scalar(UNLOCKED) == 20_000 - 8
    assert 8 <= read <= 10 * 8  # the same eight, by each statement that needs them
