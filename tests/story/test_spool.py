"""Workers are told to end while the database is away: paid answers wait in files, and the next worker stores them."""

import asyncio

from bench.installation import reported
from src.domain.batch import BatchStatus
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from tests.engines import Engines
from tests.servers_away import ARTICLES, SITE, world

from .conftest import Longtail, Records


async def test_answers_outlive_workers_and_database_in_files(engines: Engines, longtail: Longtail) -> None:
    """Two workers fill one spool; each leaves with an error that names the files, and nothing is bought again."""
    spool = longtail.home / "spool"
    async with world(engines, longtail) as away:
        async with away.workers(2, LONGTAIL_SHUTDOWN_GRACE="PT8S") as workers:
            batch = await away.batch_with_calls_in_flight(seconds=4)
            await asyncio.to_thread(away.engines.stop, "postgres")
            codes = await asyncio.gather(*(asyncio.to_thread(worker.terminate) for worker in workers))
            assert codes == [1, 1]
            kept = sorted(spool.glob("*.json"))
            assert len(kept) == ARTICLES
            assert all(str(file) in workers[0].output for file in kept)

            await asyncio.to_thread(away.engines.start_postgres)
            await away.database.close()  # its connections are dead
            with away.worker():
                report = await reported(batch)
        assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, ARTICLES, 0)
        assert not list(spool.glob("*.json"))
        assert len(away.models.calls()) == ARTICLES * (len(STAGES) - 1)  # the first stage's are the spooled ones
        calls = await Records(away.database, SITE).calls()
        assert [call.status for _, call in calls] == [CallStatus.ANSWERED] * ARTICLES * len(STAGES)
