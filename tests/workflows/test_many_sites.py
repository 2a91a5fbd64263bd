"""Twenty sites on the same second: every batch starts, none twice. A hundred: make test-long."""

from collections.abc import Callable

from temporalio.client import Client

from src.domain.colour import Colour
from src.infrastructure.database.unit_of_work import Database
from tests.same_second import RunWorker, every_site_runs_once


async def test_twenty_sites_on_the_same_second(
    client: Client,
    database: Database,
    colour: Colour,
    run_worker: RunWorker,
    record_property: Callable[[str, object], None],
) -> None:
    late = await every_site_runs_once(client, database, colour, run_worker, sites=20, set_up_seconds=12)
    record_property("last_opened_seconds_after_tick", late)
