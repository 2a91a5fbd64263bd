"""Starts, cancels and shows batches; closes those whose workflow is gone."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from src.domain.article import Article
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason
from src.domain.hold import Hold
from src.domain.ids import BatchId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.rate_limit import ModelWait
from src.domain.site import Site
from src.domain.usage import Spend
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .waits import NamesModels, list_waits

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

_WORKFLOW_GONE = ("WorkflowGone", "Temporal has no running workflow of this batch")


class BatchDetails(BaseModel):
    """A batch with all that is shown of it."""

    model_config = ConfigDict(frozen=True)

    batch: Batch
    spend: Spend
    articles: list[Article]  # in their order
    holds: list[Hold]  # those that it waits for; none once it ended
    waits: list[ModelWait]  # models that its articles wait for; none once it ended


class BatchOverview(BaseModel):
    """A batch without its articles, which may be many."""

    model_config = ConfigDict(frozen=True)

    batch: Batch
    spend: Spend
    holds: list[Hold]  # those that it waits for; none once it ended


class StartedBatch(BaseModel):
    """A batch whose workflow was started."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    colour: Colour  # whose workers make it
    holds: list[Hold]  # those that it waits for
    has_workers: bool  # False: no worker of its colour is polling


class CancelledBatch(BaseModel):
    """A batch that was asked to stop."""

    model_config = ConfigDict(frozen=True)

    batch: Batch
    is_closed: bool  # True: its workflow was gone, and it is closed; False: its workflow closes it
    has_workers: bool  # False: no worker of its colour is polling


async def list_batches(database: Database, *, by: Principal, site: str | None = None, limit: int) -> list[Batch]:
    """Return the batches that somebody may read, the newest slot first.

    With ``site`` those of that one. Raises NotFound, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.batches.list_all(sites=sites, limit=limit)


async def list_batch_ids(database: Database, prefix: str, *, limit: int) -> list[BatchId]:
    """Return ids of batches that begin with ``prefix``, in lower case."""
    async with database.unit_of_work() as uow:
        return await uow.batches.list_ids_by_prefix(prefix, limit=limit)


async def get_batch(database: Database, batch_id: BatchId, *, by: Principal) -> Batch:
    """Return the batch. Raises NotFound, and NotPermitted."""
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
    by.require(Action.SITE_READ, batch.site)
    return batch


async def get_batch_details(
    database: Database, batch_id: BatchId, *, by: Principal, names_models: NamesModels | None = None
) -> BatchDetails:
    """Return the batch with its articles, cost, holds and waits.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
        by.require(Action.SITE_READ, batch.site)
        is_running = batch.status is BatchStatus.RUNNING
        articles = await uow.articles.list_all(batch_id=batch_id, limit=batch.total)
        return BatchDetails(
            batch=batch,
            spend=await uow.model_calls.sum_usage(batch_id=batch_id),
            articles=articles,
            holds=await uow.holds.list_current(batch.site) if is_running else [],
            waits=await list_waits(uow, batch.site, articles, names_models) if is_running else [],
        )


async def list_batch_page(
    database: Database,
    *,
    by: Principal,
    site: str | None = None,
    status: BatchStatus | None = None,
    trigger: Trigger | None = None,
    excerpt: Excerpt[MomentPosition],
) -> Page[Batch, MomentPosition]:
    """Return a page of the batches that somebody may read, by slot.

    Raises NotFound for an unknown site, and NotPermitted.
    """
    sites = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.batches.list_page(sites=sites, status=status, trigger=trigger, excerpt=excerpt)


async def get_batch_overview(database: Database, batch_id: BatchId, *, by: Principal) -> BatchOverview:
    """Return the batch with its cost and its holds.

    Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        batch = await uow.batches.get(batch_id)
        by.require(Action.SITE_READ, batch.site)
        return BatchOverview(
            batch=batch,
            spend=await uow.model_calls.sum_usage(batch_id=batch_id),
            holds=await uow.holds.list_current(batch.site) if batch.status is BatchStatus.RUNNING else [],
        )


async def list_workflow_articles(database: Database, site: str, workflow_id: str) -> list[Article]:
    """Return the articles of the batch that the workflow runs.

    None before it opened one.
    """
    async with database.unit_of_work() as uow:
        batch = await uow.batches.find_by_workflow(site, workflow_id)
        return await uow.articles.list_all(batch_id=batch.id, limit=batch.total) if batch else []


class Batches:
    """Batches as one person starts and stops them."""

    def __init__(
        self,
        database: Database,
        workflows: "WorkflowGateway",
        *,
        by: Principal,
        check_models: Callable[[Site], Awaitable[None]] | None = None,
    ) -> None:
        """``check_models`` raises when a site's models cannot be used.

        None where workers have other settings.
        """
        self._database = database
        self._workflows = workflows
        self._by = by
        self._check_models = check_models

    async def start(
        self,
        site: str,
        *,
        colour: Colour | None = None,
        slot: datetime | None = None,
        limit: int | None = None,
        force: bool = False,
    ) -> StartedBatch:
        """Start a batch of the site on the workers of ``colour``.

        By default those of the active colour. ``slot`` is UTC, and this second by default. At most ``limit`` articles
        are made; None leaves their number to the site. A slot that is done is made again only with ``force``. Raises
        NotFound for an unknown site, NotPermitted, Conflict when the slot is running, and what the check of the site's
        models raises.
        """
        self._by.require(Action.BATCH_START, site)
        async with self._database.unit_of_work() as uow:
            found = await uow.sites.get(site)
            colour = colour or (await uow.routing.read()).active
        if self._check_models:
            await self._check_models(found)
        slot = slot or _this_second()
        workflow_id = await self._workflows.start_batch(site, slot, limit=limit, force=force, colour=colour)
        asked = {"slot": slot.isoformat(), "limit": limit, "force": force, "colour": colour}
        async with self._database.unit_of_work() as uow:
            holds = await uow.holds.list_current(site)
            await uow.audit.record(Action.BATCH_START, workflow_id, by=self._by, site=site, after=asked)
        has_workers = await self._workflows.has_workers(colour)
        return StartedBatch(workflow_id=workflow_id, colour=colour, holds=holds, has_workers=has_workers)

    async def wait(self, site: str, workflow_id: str) -> Batch:
        """Wait until the workflow ends and return its batch.

        Raises Conflict when it opened none.
        """
        failure = await self._workflows.wait_for_batch(workflow_id)
        async with self._database.unit_of_work() as uow:
            batch = await uow.batches.find_by_workflow(site, workflow_id)
        if batch is None:
            problem = failure or "its slot belongs to another workflow"
            raise Conflict(ConflictReason.NO_BATCH_OPENED, workflow_id, problem=problem)
        return batch

    async def cancel(self, batch_id: BatchId) -> CancelledBatch:
        """Ask the batch's workflow to stop.

        Close the batch here if there is no such workflow.

        Calls under way are cut off, finished articles stay, the other longtails become ready. Raises NotFound,
        NotPermitted, and Conflict for a batch that has ended.
        """
        async with self._database.unit_of_work() as uow:
            batch = await uow.batches.get(batch_id)
        self._by.require(Action.BATCH_CANCEL, batch.site)
        _require_running(batch)
        if await self._workflows.cancel_batch(batch.workflow_id, batch.run_id):
            async with self._database.unit_of_work() as uow:
                await self._record_cancel(uow, batch, closed=False)
            polled = await self._workflows.has_workers(batch.colour)
            return CancelledBatch(batch=batch, is_closed=False, has_workers=polled)
        return CancelledBatch(batch=await self._close(batch_id), is_closed=True, has_workers=True)

    async def find_running(self, site: str) -> Batch | None:
        """Return the site's newest batch if it runs.

        One whose workflow is gone is closed.
        """
        async with self._database.unit_of_work() as uow:
            newest = await uow.batches.list_all(site=site, limit=1)
        for batch in newest:
            if batch.status is not BatchStatus.RUNNING:
                return None
            if await self._workflows.is_running(batch.workflow_id):
                return batch
            await self._close(batch.id)
        return None

    async def _close(self, batch_id: BatchId) -> Batch:
        """Close a batch that has no workflow.

        Workflows of its articles may still run, and are terminated first.
        """
        async with self._database.unit_of_work() as uow:
            batch = await uow.batches.get(batch_id)
            articles = await uow.articles.list_unfinished(batch_id, first=0, end=batch.total)
        article_ids = [article.article_id for article in articles]
        await self._workflows.terminate_articles(article_ids, reason="its batch was cancelled")

        async def close(uow: UnitOfWork) -> Batch:
            _require_running(await uow.batches.get(batch_id))
            await uow.batches.close(batch_id, cancelled=True, error=_WORKFLOW_GONE)
            await self._record_cancel(uow, batch, closed=True)
            return await uow.batches.get(batch_id)

        return await self._database.run_in_transaction(close)

    async def _record_cancel(self, uow: UnitOfWork, batch: Batch, *, closed: bool) -> None:
        before, after = {"status": batch.status.value}, {"closed": closed}
        await uow.audit.record(
            Action.BATCH_CANCEL, str(batch.id), by=self._by, site=batch.site, before=before, after=after
        )


def _require_running(batch: Batch) -> None:
    if batch.status is not BatchStatus.RUNNING:
        raise Conflict(ConflictReason.BATCH_ENDED, batch.id, status=batch.status.replace("_", " "))


def _this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
