"""Lists the runs that Temporal started.

Of a site's schedule, and of the watchdog.
"""

from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from src.domain.scheduling.slot_evidence import Run

from . import ids
from .rpc_errors import is_not_found, translated
from .workflows.site_batch import SiteBatchWorkflow
from .workflows.watchdog import WatchdogWorkflow


class RunHistory:
    """What Temporal started, by its lists and by name.

    Lists lag behind by a moment.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def list_scheduled_runs(self, site: str, since: datetime) -> list[Run]:
        """Return the runs that the site's schedule started since then."""
        query = (
            f"WorkflowType = '{SiteBatchWorkflow.__name__}' "
            f"AND TemporalScheduledById = '{ids.schedule(site)}' AND StartTime >= '{_text(since)}'"
        )
        with translated("list the runs of a schedule"):
            return [run async for each in self._client.list_workflows(query) if (run := _run(site, each))]

    async def find_run(self, site: str, slot: datetime) -> Run | None:
        """Return the run of the slot, whichever way it was started.

        It is up to date.
        """
        with translated("describe the run of a slot"):
            try:
                return _run(site, await self._client.get_workflow_handle(ids.batch_run(site, slot)).describe())
            except RPCError as error:
                if is_not_found(error):
                    return None
                raise

    async def list_watchdog_starts(self, start: datetime, end: datetime) -> list[datetime]:
        """Return when watchdog runs started between the two moments.

        Runs that no worker took are among them.
        """
        query = (
            f"WorkflowType = '{WatchdogWorkflow.__name__}' "
            f"AND StartTime > '{_text(start)}' AND StartTime < '{_text(end)}'"
        )
        with translated("list the runs of the watchdog"):
            return [each.start_time async for each in self._client.list_workflows(query)]


def _run(site: str, execution: WorkflowExecution) -> Run | None:
    """Return the execution as a run.

    None without a slot, and for one that went on as another.
    """
    if execution.status is WorkflowExecutionStatus.CONTINUED_AS_NEW:
        return None
    try:
        slot = datetime.fromisoformat(execution.id.removeprefix(f"{ids.batch(site)}-"))
    except ValueError:
        return None
    is_under_way = execution.status is WorkflowExecutionStatus.RUNNING
    return Run(
        slot=slot.astimezone(UTC),
        started_at=execution.start_time,
        ended_at=None if is_under_way else execution.close_time,
        ended_as=None if is_under_way or execution.status is None else execution.status.name.lower(),
    )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
