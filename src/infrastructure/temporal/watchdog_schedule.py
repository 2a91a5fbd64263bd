"""The watchdog's schedule, which every worker makes or updates."""

from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from src.domain.scheduling.slot_evidence import WATCHDOG_INTERVAL

from . import ids
from .workflows.watchdog import WatchdogWorkflow

log = structlog.get_logger()

SCHEDULE_ID = "watchdog"


async def ensure(client: Client, *, every: timedelta = WATCHDOG_INTERVAL, queue: str = ids.WATCH_QUEUE) -> bool:
    """Schedule a watchdog run at the interval ``every``.

    Workers of any colour take it. Safe to repeat. Return whether it does.

    A worker that cannot schedule it works all the same: articles come first, and the missing watchdog runs show in the
    gap report.
    """
    wanted = _wanted(queue, every)
    try:
        await client.create_schedule(SCHEDULE_ID, wanted)
    except ScheduleAlreadyRunningError:
        return await _update(client, wanted)
    except RPCError as error:
        return _failed(error)
    return True


async def _update(client: Client, wanted: Schedule) -> bool:
    def change(current: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = current.description.schedule.state  # an operator may have paused it
        return ScheduleUpdate(wanted)

    try:
        await client.get_schedule_handle(SCHEDULE_ID).update(change)
    except RPCError as error:
        return _failed(error)
    return True


def _failed(error: RPCError) -> bool:
    log.warning("watchdog_not_ensured", error=str(error))
    return False


def _wanted(queue: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            WatchdogWorkflow.run,
            id=SCHEDULE_ID,
            task_queue=queue,
            execution_timeout=every * 0.8,  # a run that waits for a worker ends before the next one starts
            static_summary="does every expected slot have its batch?",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every)]),
        policy=SchedulePolicy(
            # Every tick leaves a run, also while no worker is there: a tick without a run means that Temporal was down.
            overlap=ScheduleOverlapPolicy.ALLOW_ALL,
            catchup_window=timedelta(seconds=10),  # the shortest possible: a late run would find nothing more
        ),
    )
