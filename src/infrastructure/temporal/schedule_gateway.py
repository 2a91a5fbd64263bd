"""Reads and writes Temporal's schedules of sites.

Domain values in and out. Temporal's Python client sends no conflict token, so two updates at once would lose one
without a word (temporalio/sdk-python#1823): who writes holds the site's lock in the database.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable, Hint, NotFound
from src.domain.scheduling.schedule import ObservedSchedule, Overlap, Pause, Schedule

from . import ids
from . import search_attributes as sa
from .messages import ResumeSchedule
from .rpc_errors import is_not_found, translated
from .schedule_spec import POLICIES, as_temporal, fingerprint
from .workflows.schedule_resume import ScheduleResumeWorkflow

T = TypeVar("T")

_SHORTEST_DELAY = timedelta(seconds=1)  # of a start that is due already
_READ_BACK_AFTER = (0.1, 0.3, 1.0, 0.0)  # seconds


class ScheduleGateway:
    """The schedules of sites, as Temporal has them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(self, site: str) -> ObservedSchedule | None:
        """Return the site's schedule, None where Temporal has none."""
        with translated(f"answer about the schedule of {site!r}"):
            try:
                return _observed(await self._handle(site).describe())
            except RPCError as error:
                if is_not_found(error):
                    return None
                raise

    async def list_sites(self) -> list[str]:
        """Return the sites that have a schedule, by slug."""
        return sorted([site async for site, _ in self._listed()])

    async def list_healthy_sites(self) -> set[str]:
        """Return the sites whose schedule will start another run.

        The list lags behind by a moment.
        """
        return {site async for site, is_healthy in self._listed() if is_healthy}

    async def write(
        self, site: str, schedule: Schedule, *, colour: Colour, pause: Pause | None, overwrite_state: bool = False
    ) -> dict[str, Any]:
        """Create or update the site's schedule; return its fingerprint.

        A new one is paused if ``pause`` is given. One that exists keeps its pause and note unless ``overwrite_state``.
        """
        state = ScheduleState(paused=True, note=pause.note) if pause else ScheduleState()
        desired = as_temporal(site, schedule, colour=colour, state=state)
        attributes = TypedSearchAttributes([SearchAttributePair(sa.SITE, site), SearchAttributePair(sa.COLOUR, colour)])

        def update(current: ScheduleUpdateInput) -> ScheduleUpdate:
            if not overwrite_state:
                desired.state = current.description.schedule.state
            return ScheduleUpdate(desired, search_attributes=attributes)

        with translated(f"write the schedule of {site!r}"):
            try:
                await self._client.create_schedule(ids.schedule(site), desired, search_attributes=attributes)
            except ScheduleAlreadyRunningError:
                await self._handle(site).update(update)
        return await self._read_back(site, ids.task_queue(colour))

    async def _read_back(self, site: str, queue: str) -> dict[str, Any]:
        """Return the schedule's fingerprint once it starts runs on ``queue``.

        Temporal drops an update that meets another one, and tells its caller nothing.
        """
        for pause in _READ_BACK_AFTER:
            written = fingerprint(await self._call(site, lambda handle: handle.describe()))
            if written["action"]["task_queue"] == queue:
                return written
            await asyncio.sleep(pause)
        raise EngineUnavailable(f"Temporal did not take the schedule of {site!r}; write it again", hint=Hint.REPEAT)

    async def pause(self, site: str, *, note: str) -> None:
        """Pause the site's schedule.

        Raises NotFound where Temporal has none, as the following do.
        """
        await self._call(site, lambda handle: handle.pause(note=note))

    async def unpause(self, site: str, *, note: str) -> None:
        """Unpause the site's schedule."""
        await self._call(site, lambda handle: handle.unpause(note=note))

    async def trigger(self, site: str, *, overlap: Overlap) -> None:
        """Run the site's schedule once, now."""
        await self._call(site, lambda handle: handle.trigger(overlap=POLICIES[overlap]))

    async def backfill(self, site: str, slots: Sequence[datetime], *, overlap: Overlap) -> None:
        """Run the site's schedule for each of these slots (UTC)."""
        requests = [ScheduleBackfill(start_at=slot, end_at=slot, overlap=POLICIES[overlap]) for slot in slots]
        await self._call(site, lambda handle: handle.backfill(*requests))

    async def delete(self, site: str) -> None:
        """Delete the site's schedule; runs that have started are not stopped."""
        await self._call(site, lambda handle: handle.delete())

    async def resume_later(self, site: str, until: datetime) -> None:
        """Start a workflow at ``until`` (UTC) that ends the pause.

        It replaces an earlier one.
        """
        with translated(f"take the end of the pause of {site!r}"):
            await self._client.start_workflow(
                ScheduleResumeWorkflow.run,
                ResumeSchedule(site=site, due=until),
                id=ids.schedule_resume(site),
                task_queue=ids.WATCH_QUEUE,
                start_delay=max(until - datetime.now(UTC), _SHORTEST_DELAY),
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                static_summary=f"resume {site} at {until:%Y-%m-%d %H:%M} UTC",
            )

    async def end_resume(self, site: str) -> None:
        """Terminate what would end a pause of the site, if it waits."""
        with translated(f"end the workflow that waits for the end of a pause of {site!r}"):
            try:
                await self._client.get_workflow_handle(ids.schedule_resume(site)).terminate("the pause is over")
            except RPCError as error:
                if not is_not_found(error):
                    raise

    async def list_resumes_of_colours(self) -> list[str]:
        """Return sites whose pause ends on a colour's queue.

        The list lags behind by a moment.
        """
        query = (
            f"WorkflowType = '{ScheduleResumeWorkflow.__name__}' AND ExecutionStatus = 'Running' "
            f"AND TaskQueue != '{ids.WATCH_QUEUE}'"
        )
        with translated("list the ends of pauses"):
            return [ids.paused_site(each.id) async for each in self._client.list_workflows(query)]

    async def _listed(self) -> AsyncIterator[tuple[str, bool]]:
        """Yield each site, and whether its schedule will run again by itself."""
        with translated("list the schedules"):
            async for entry in await self._client.list_schedules():
                if entry.id.startswith(ids.schedule("")):
                    is_paused = entry.schedule is None or entry.schedule.state.paused
                    has_next = entry.info is not None and bool(entry.info.next_action_times)
                    yield ids.site_of(entry.id), has_next and not is_paused

    def _handle(self, site: str) -> ScheduleHandle:
        return self._client.get_schedule_handle(ids.schedule(site))

    async def _call(self, site: str, call: Callable[[ScheduleHandle], Awaitable[T]]) -> T:
        with translated(f"answer about the schedule of {site!r}"):
            try:
                return await call(self._handle(site))
            except RPCError as error:
                if is_not_found(error):
                    raise NotFound("schedule in Temporal for site", site, hint=Hint.REPAIR_SCHEDULE) from error
                raise


def _observed(described: ScheduleDescription) -> ObservedSchedule:
    info, state = described.info, described.schedule.state
    return ObservedSchedule(
        fingerprint=fingerprint(described),
        is_paused=state.paused,
        note=state.note or "",
        created_at=info.created_at,
        next_runs=tuple(at.astimezone(UTC) for at in info.next_action_times),
        recent_runs=tuple(action.scheduled_at.astimezone(UTC) for action in info.recent_actions),
        running=len(info.running_actions),
        buffered=described.raw_description.info.buffer_size,
        missed_catch_up=info.num_actions_missed_catchup_window,
        skipped_overlap=info.num_actions_skipped_overlap,
    )
