"""Starts workflows by hand and awaits them: the part of the commands that needs Temporal and the vendors' libraries."""

from datetime import UTC, datetime

from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from src.application.holds import signal_article
from src.bootstrap import Application
from src.domain.article import ArticleRef
from src.domain.batch import Batch
from src.domain.colour import Colour
from src.domain.errors import Conflict, ConflictReason
from src.domain.hold import HoldState
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import search_attributes as sa
from src.infrastructure.temporal.messages import BatchReport, SiteBatchInput
from src.infrastructure.temporal.workflows.article import ArticleWorkflow
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow

from . import progress
from .terminal import err


async def launch(
    application: Application, request: SiteBatchInput, *, colour: Colour
) -> WorkflowHandle[SiteBatchWorkflow, BatchReport | None]:
    """Start the batch's workflow.

    Raises NotFound for an unknown site, Conflict when the slot is running, and what ``Providers.check`` raises when
    the worker shares this machine's settings and a key is missing or wrong.
    """
    async with application.database.unit_of_work() as uow:
        site = await uow.sites.get(request.site)
    if application.is_local:
        async with Providers(application.settings) as providers:
            await providers.check(site)
    slot = request.slot or datetime.now(UTC)
    try:
        return await application.client.start_workflow(
            SiteBatchWorkflow.run,
            request,
            id=ids.batch_run(request.site, slot),
            task_queue=ids.task_queue(colour),
            static_summary=f"batch of {request.site}, started by hand",
        )
    except WorkflowAlreadyStartedError as error:
        raise Conflict(ConflictReason.SLOT_RUNNING, request.site, slot=f"{slot:%Y-%m-%d %H:%M:%S} UTC") from error


def handle_of(application: Application, workflow_id: str) -> WorkflowHandle[SiteBatchWorkflow, BatchReport | None]:
    """Return the handle of a batch's workflow."""
    return application.client.get_workflow_handle_for(SiteBatchWorkflow.run, workflow_id)


async def finish(
    application: Application, handle: WorkflowHandle[SiteBatchWorkflow, BatchReport | None], site: str
) -> Batch:
    """Show progress until the batch's workflow ends, and return the batch. Raises Conflict when it left none."""
    try:
        await progress.follow(handle.result(), application.database, site=site, workflow_id=handle.id)
    except WorkflowFailureError as error:
        reason = str(error.cause)
    else:
        reason = ""
    async with application.database.unit_of_work() as uow:
        batch = await uow.batches.find_by_workflow(site, handle.id)
    if batch is None:
        raise Conflict(
            ConflictReason.NO_BATCH_OPENED, handle.id, problem=reason or "its slot belongs to another workflow"
        )
    return batch


async def launch_article(application: Application, ref: ArticleRef, *, colour: Colour) -> HoldState:
    """Run the article's workflow under its own id, held if its site is; one that runs already is left to it.

    Returns what holds for it.
    """
    async with application.database.unit_of_work() as uow:
        hold = await uow.holds.get_state(ref.site)
    await application.client.start_workflow(
        ArticleWorkflow.run,
        ref,
        id=ids.article(ref.article_id),
        task_queue=ids.task_queue(colour),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary=f"{ref.keyword} (retried)",
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(sa.SITE, ref.site), SearchAttributePair(sa.COLOUR, colour)]
        ),
        start_signal="hold" if hold.depth else None,
        start_signal_args=[hold] if hold.depth else [],
    )
    return await signal_article(application.client, application.database, ref, known=hold)


async def is_running(application: Application, workflow_id: str) -> bool:
    """Whether Temporal knows the workflow and it has not ended."""
    try:
        described = await application.client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING


async def warn_unless_polled(application: Application, colour: Colour) -> None:
    """Say what is missing when no worker takes what is started for ``colour``."""
    if not await application.has_workers(colour):
        err.print(f"[yellow]no {colour} worker is polling; this waits for: longtail worker --colour {colour}[/]")
