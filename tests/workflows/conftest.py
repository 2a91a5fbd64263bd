"""Workers in this process, on a colour of the test's own, with the offline writer or a model of the test's."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from src.bootstrap import Application, build_watch_worker, build_worker, worker_identity
from src.bootstrap.worker import open_limits, own_calls, register_worker
from src.domain.batch import Batch, Trigger
from src.domain.colour import Colour
from src.domain.deployment import Routing
from src.domain.principal import Principal
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.embedded.temporal import TemporalServer
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.messages import BatchReport, SiteBatchInput
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from src.settings import OfflineSettings, Settings
from tests.factories import a_site, longtails

SLOT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

RunWorker = Callable[..., AbstractAsyncContextManager[None]]
BatchHandle = WorkflowHandle[SiteBatchWorkflow, BatchReport | None]


@pytest.fixture
async def run_worker(
    client: Client, database: Database, temporal_server: TemporalServer, settings: Settings, colour: Colour
) -> RunWorker:
    async with database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=colour), by="test")

    @asynccontextmanager
    async def running(
        *, latency: float = 0, model_slots: int = 8, on: Colour = colour, watches: bool = False, **changes: Any
    ) -> AsyncIterator[None]:
        """A worker of ``on``, which also ``watches`` the queue that belongs to no colour."""
        limits = {"model_slots": model_slots, "shutdown_grace": timedelta(seconds=20)}
        offline = OfflineSettings(latency_seconds=latency)
        changed = settings.model_copy(update={"offline": offline, **limits, **changes})
        application = Application(changed, database, client, temporal_server, Principal.worker(worker_identity(on)))
        owner = own_calls(application, register_worker(application, colour=on), open_limits(application))
        async with Providers(changed) as providers, AsyncExitStack() as stack:
            await stack.enter_async_context(build_worker(application, providers, colour=on, owner=owner, strict=True))
            if watches:
                await stack.enter_async_context(build_watch_worker(application, owner=owner, strict=True))
            yield

    return running


class Batches:
    """Starts batches of a site on the test's colour."""

    def __init__(self, client: Client, database: Database, colour: Colour) -> None:
        self._client = client
        self._database = database
        self._colour = colour

    async def site(self, *, keywords: int = 8, **changes: Any) -> Site:
        # Slugs differ, since workflow ids of earlier tests stay in Temporal.
        site = a_site(slug=f"site-{self._colour}", **changes)
        async with self._database.unit_of_work() as uow:
            await uow.sites.upsert(site)
            await uow.longtails.add(site.slug, longtails(keywords), source="test")
        return site

    async def start(self, site: Site, **changes: Any) -> BatchHandle:
        request = SiteBatchInput(site=site.slug, slot=SLOT, trigger=Trigger.MANUAL).model_copy(update=changes)
        return await self._client.start_workflow(
            SiteBatchWorkflow.run,
            request,
            id=ids.batch_run(site.slug, request.slot or SLOT),
            task_queue=ids.task_queue(self._colour),
        )

    async def of(self, site: Site) -> Batch:
        async with self._database.unit_of_work() as uow:
            batch = await uow.batches.find_by_slot(site.slug, SLOT)
        assert batch is not None
        return batch


@pytest.fixture
def batches(client: Client, database: Database, colour: Colour) -> Batches:
    return Batches(client, database, colour)


async def reported(handle: BatchHandle) -> BatchReport:
    """What the batch came to; there was one."""
    report = await handle.result()
    assert report is not None
    return report
