"""One Temporal Schedule a site: set, read back, paused, resumed, triggered, removed."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import Any

from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.client import Schedule as TemporalSchedule
from temporalio.client import ScheduleOverlapPolicy as Policy
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from src.domain.errors import EngineUnavailable, NotFound
from src.domain.schedule import Overlap, Schedule, ScheduleState

from . import ids
from . import search_attributes as sa
from .messages import SiteBatchInput
from .workflows.site_batch import SiteBatchWorkflow

_POLICIES = {overlap: Policy[overlap.name] for overlap in Overlap}


class Schedules:
    """The schedules of one namespace."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def set(self, site: str, schedule: Schedule, *, colour: str) -> bool:
        """Create the site's schedule, or change it in place: pause, note and history stay. Returns whether it is new.

        An interval that the wish does not name keeps nothing of the old one: the wish is whole.
        """
        wanted = _as_temporal(site, schedule, colour)
        attributes = TypedSearchAttributes([SearchAttributePair(sa.SITE, site), SearchAttributePair(sa.COLOUR, colour)])
        try:
            await self._client.create_schedule(ids.schedule(site), wanted, search_attributes=attributes)
        except ScheduleAlreadyRunningError:

            def change(current: ScheduleUpdateInput) -> ScheduleUpdate:
                wanted.state = current.description.schedule.state
                return ScheduleUpdate(wanted)

            await self._handle(site).update(change)
            return False
        return True

    async def get(self, site: str) -> ScheduleState:
        """Return the schedule as Temporal has it. Raises NotFound."""
        return _as_state(await self._call(site, lambda handle: handle.describe()))

    async def all(self) -> list[ScheduleState]:
        """Every site's schedule, by site."""
        listed = await self._client.list_schedules()
        found = [ids.site_of(entry.id) async for entry in listed if entry.id.startswith(ids.schedule(""))]
        return [await self.get(site) for site in sorted(found)]

    async def pause(self, site: str, *, note: str) -> None:
        """Start nothing until resumed; slots that pass meanwhile are not made up by themselves. Raises NotFound."""
        await self._call(site, lambda handle: handle.pause(note=note))

    async def resume(self, site: str, *, note: str) -> None:
        """Go on with the next slot. Raises NotFound."""
        await self._call(site, lambda handle: handle.unpause(note=note))

    async def trigger(self, site: str) -> None:
        """Run one batch now, beside the regular slots; a paused schedule stays paused. Raises NotFound."""
        await self._call(site, lambda handle: handle.trigger(overlap=Policy.BUFFER_ALL))

    async def remove(self, site: str) -> None:
        """Delete the schedule; batches that are under way go on. Raises NotFound."""
        await self._call(site, lambda handle: handle.delete())

    def _handle(self, site: str) -> ScheduleHandle:
        return self._client.get_schedule_handle(ids.schedule(site))

    async def _call(self, site: str, call: Callable[[ScheduleHandle], Any]) -> Any:  # noqa: ANN401 - whatever it returns
        try:
            return await call(self._handle(site))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotFound("schedule for site", site, hint=f"set one: longtail schedule set {site} …") from error
            raise EngineUnavailable(f"Temporal did not answer about the schedule of {site!r}: {error}") from error


def _as_temporal(site: str, schedule: Schedule, colour: str) -> TemporalSchedule:
    return TemporalSchedule(
        action=ScheduleActionStartWorkflow(
            SiteBatchWorkflow.run,
            SiteBatchInput(site=site, limit=schedule.articles),
            id=ids.batch(site),
            task_queue=ids.task_queue(colour),
            static_summary=f"scheduled batch of {site}",
        ),
        spec=ScheduleSpec(
            calendars=[
                ScheduleCalendarSpec(
                    hour=[ScheduleRange(at.hour)], minute=[ScheduleRange(at.minute)], comment=f"daily at {at:%H:%M}"
                )
                for at in schedule.times
            ],
            time_zone_name=schedule.time_zone,
        ),
        policy=SchedulePolicy(overlap=_POLICIES[schedule.overlap], catchup_window=schedule.catch_up),
    )


def _as_state(described: ScheduleDescription) -> ScheduleState:
    schedule, info = described.schedule, described.info
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # noqa: S101 - ours start workflows, and so do all of SDKs
    return ScheduleState(
        site=ids.site_of(described.id),
        schedule=Schedule(
            times=tuple(time(calendar.hour[0].start, calendar.minute[0].start) for calendar in schedule.spec.calendars),
            time_zone=schedule.spec.time_zone_name or "UTC",
            overlap=next(overlap for overlap, policy in _POLICIES.items() if policy == schedule.policy.overlap),
            catch_up=schedule.policy.catchup_window,
        ),
        colour=ids.colour_of(action.task_queue),
        paused=schedule.state.paused,
        note=schedule.state.note or "",
        next_runs=tuple(_utc(at) for at in info.next_action_times),
        recent_runs=tuple(_utc(action.scheduled_at) for action in info.recent_actions),
        running=len(info.running_actions),
        missed_catch_up=info.num_actions_missed_catchup_window,
        skipped_overlap=info.num_actions_skipped_overlap,
    )


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
