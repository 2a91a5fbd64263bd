"""Slots are shared: one site may use those of every worker, and no site waits for the keywords of another."""

from src.domain.batch import BatchStatus
from src.domain.colour import Colour
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import RegisteredWorker
from tests.eventually import eventually
from tests.factories import a_site, longtails

from .conftest import SLOT, Batches, RunWorker, reported
from .test_batch import articles_of, calls_of


async def register(database: Database, colour: Colour, *, slots: int, name: str) -> None:
    worker = RegisteredWorker(
        instance=f"{colour}@{name}",
        colour=colour,
        host="here",
        pid=1,
        process_started_at=0.0,
        code_version="test",
        slots=slots,
    )
    async with database.unit_of_work() as uow:
        await uow.workers.register(worker)


async def test_one_site_uses_the_slots_of_every_worker_of_its_colour(
    run_worker: RunWorker, batches: Batches, database: Database, colour: Colour
) -> None:
    for name in ("a", "b", "c"):
        await register(database, colour, slots=2, name=name)
    await register(database, Colour(f"{colour}-other"), slots=50, name="d")
    site = await batches.site(keywords=16, articles_per_batch=16)
    async with run_worker(model_slots=2, latency=600):
        handle = await batches.start(site)

        async def count_articles() -> int:
            return len((await handle.describe()).raw_description.pending_children)

        await eventually(count_articles)
        assert await count_articles() == 6
        await handle.cancel()


async def test_a_small_site_does_not_wait_for_a_large_one(
    run_worker: RunWorker, batches: Batches, database: Database, colour: Colour
) -> None:
    large = await batches.site(keywords=50, articles_per_batch=50)
    small = a_site(slug=f"small-{colour}")
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(small)
        await uow.longtails.add(small.slug, longtails(1), source="test")
    queued = [await batches.start(large), await batches.start(small, slot=SLOT)]  # before there is a worker
    async with run_worker(model_slots=8, latency=0.1):
        for handle in queued:
            assert (await reported(handle)).status is BatchStatus.COMPLETED
    opened = [
        call.opened_at for each in await articles_of(database, large.slug) for call in await calls_of(database, each)
    ]
    (article,) = await articles_of(database, small.slug)
    first, *_ = sorted(call.opened_at for call in await calls_of(database, article))
    assert len(opened) == 50 * len(STAGES)
    assert sum(at < first for at in opened) < len(opened) / 10
