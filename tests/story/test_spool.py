"""The database is away when answers arrive: they wait in files, or in memory where no file can be written."""

import asyncio
import re
from collections import Counter

from bench.installation import reported
from src.domain.batch import BatchStatus
from src.domain.stages import STAGES
from src.domain.usage import CallStatus
from tests.engines import Engines
from tests.eventually import eventually
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


async def test_answers_wait_in_memory_where_no_file_can_be_written(engines: Engines, longtail: Longtail) -> None:
    """A worker that lives on stores them and buys none again; one that has to end says which it loses, and why."""
    longtail.home.mkdir(parents=True, exist_ok=True)
    (longtail.home / "spool").write_text("a file where the folder should be", encoding="utf-8")
    async with world(engines, longtail) as away, away.workers(2, LONGTAIL_SHUTDOWN_GRACE="PT2S") as workers:
        ending = workers[0]
        batch = await away.batch_with_calls_in_flight(seconds=4)
        await asyncio.to_thread(away.engines.stop, "postgres")

        def output() -> str:
            return ending.output  # both write into it

        async def both_have_answers() -> bool:
            return output().count("spool_not_usable") == 2

        await eventually(both_have_answers)
        assert await asyncio.to_thread(ending.terminate) == 1
        told = " ".join(output().rpartition("are lost")[2].split())
        lost = set(re.findall(r"article [0-9a-f-]{36} stage A", told))
        assert lost
        assert f"{longtail.home / 'spool'}: File exists" in told

        await asyncio.to_thread(away.engines.start_postgres)
        await away.database.close()  # its connections are dead
        report = await reported(batch)
        assert output().count("spool_not_usable") == 2  # once a worker, however often they tried
        assert (report.status, report.needs_review, report.failed) == (BatchStatus.COMPLETED, ARTICLES, 0)
        assert len(away.models.calls()) == ARTICLES * (len(STAGES) - 1) + len(lost)
        calls = await Records(away.database, SITE).calls()
        assert Counter(call.status for _, call in calls) == {
            CallStatus.ANSWERED: ARTICLES * len(STAGES),
            CallStatus.LOST: len(lost),
        }
