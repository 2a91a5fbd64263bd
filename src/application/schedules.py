"""The one writer of schedules: the wish lives in the database, Temporal is written under a lock and read back.

Temporal's Python client sends no conflict token, so two updates at once would lose one without a word
(temporalio/sdk-python#1823); the lock of the transaction is what prevents that.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from temporalio.client import (
    Client,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.client import ScheduleState as TemporalState
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable, Hint, InputInvalid, NotFound
from src.domain.scheduling.schedule import Overlap, Pause, Schedule, ScheduleState
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids, schedule_spec
from src.infrastructure.temporal import search_attributes as sa
from src.infrastructure.temporal.messages import ResumeSchedule

T = TypeVar("T")

Change = Callable[[Schedule | None], Schedule]


class Written(BaseModel):
    """What a write did: what was there before, what is there now."""

    model_config = ConfigDict(frozen=True)

    before: Schedule | None
    after: Schedule

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """By field, from and to in words; empty for a new schedule."""
        return self.before.differences(self.after) if self.before else {}


class Schedules:
    """The schedules of one namespace, as one person or process sees and changes them."""

    def __init__(self, client: Client, database: Database, *, who: str) -> None:
        self._client = client
        self._database = database
        self._who = who

    async def set(self, site: str, change: Change, *, colour: Colour) -> Written:
        """Make the site's schedule what ``change`` makes of the one there is (None: there is none).

        Pause, note and history stay. Raises InputInvalid for what Temporal cannot read; then nothing is changed.
        """
        async with self._locked(site) as uow:
            known = await uow.schedules.find(site)
            before = known.schedule if known else None
            after = change(before)
            await schedule_spec.next_slots(self._client, after, datetime.now(UTC), 1)  # Temporal can read it
            is_same = known is not None and after == before and known.colour == colour
            if not is_same or await self.described(site) is None:
                await self._write(uow, site, after, colour, pause=await uow.schedules.find_current_pause(site))
                await uow.schedules.record_change(
                    site, who=self._who, action="set", before=_json(before), after=_json(after)
                )
            await uow.commit()
        return Written(before=before, after=after)

    async def get(self, site: str) -> ScheduleState:
        """The schedule with its runs. Raises NotFound."""
        async with self._database.unit_of_work() as uow:
            known, pause = await self._known(uow, site), await uow.schedules.find_current_pause(site)
        return _state(known, pause, await self.described(site))

    async def all(self) -> list[ScheduleState]:
        """Every site's schedule, by site."""
        async with self._database.unit_of_work() as uow:
            wanted = await uow.schedules.list_all()
        return [await self.get(known.site) for known in wanted]

    async def pause(self, site: str, *, note: str, until: datetime | None = None) -> None:
        """Start nothing until resumed, or until the moment ``until`` (UTC), also when no command runs then."""
        if until is not None and until <= datetime.now(UTC):
            raise InputInvalid(
                "until",
                f"{until:%Y-%m-%d %H:%M} UTC",
                "it is in the past; give a time in the future",
                reason="in_the_past",
            )
        async with self._locked(site) as uow:
            await self._known(uow, site)
            await self._call(site, lambda handle: handle.pause(note=note))
            await uow.schedules.pause(site, by=self._who, note=note, until=until)
            after = {"note": note, "until": until.isoformat() if until else None}
            await uow.schedules.record_change(site, who=self._who, action="pause", before=None, after=after)
            await uow.commit()
        if until is not None:
            await self._resume_later(site, until)

    async def resume(self, site: str, *, note: str, due: datetime | None = None) -> bool:
        """Go on with the next slot. With ``due``, only if the lasting pause was to end then. Returns whether it did."""
        async with self._locked(site) as uow:
            await self._known(uow, site)
            pause = await uow.schedules.find_current_pause(site)
            if due is not None and (pause is None or pause.until != due):
                return False
            await self._call(site, lambda handle: handle.unpause(note=note))
            was_paused = await uow.schedules.resume(site, by=self._who)
            await uow.schedules.record_change(site, who=self._who, action="resume", before=None, after={"note": note})
            await uow.commit()
        return was_paused

    async def trigger(self, site: str, *, overlap: Overlap = Overlap.BUFFER_ALL) -> None:
        """Run one batch now, beside the regular slots; a paused schedule stays paused. Raises NotFound."""
        async with self._database.unit_of_work() as uow:
            await self._known(uow, site)
            await uow.schedules.record_change(
                site, who=self._who, action="trigger", before=None, after={"overlap": overlap}
            )
        await self._call(site, lambda handle: handle.trigger(overlap=schedule_spec.POLICIES[overlap]))

    async def remove(self, site: str) -> None:
        """Delete the schedule; batches under way go on. Raises NotFound."""
        async with self._locked(site) as uow:
            known = await self._known(uow, site)
            if await self.described(site):
                await self._call(site, lambda handle: handle.delete())
            await uow.schedules.resume(site, by=self._who)
            await uow.schedules.delete(site)
            await uow.schedules.record_change(
                site, who=self._who, action="remove", before=_json(known.schedule), after=None
            )
            await uow.commit()

    async def described(self, site: str) -> ScheduleDescription | None:
        """The schedule as Temporal has it, or None when it has none."""
        try:
            return await self._handle(site).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise EngineUnavailable(f"Temporal did not answer about the schedule of {site!r}: {error}") from error

    async def rewrite(self, site: str) -> None:
        """Make Temporal's copy what the database wants, whatever it is now."""
        async with self._locked(site) as uow:
            known = await self._known(uow, site)
            pause = await uow.schedules.find_current_pause(site)
            await self._write(uow, site, known.schedule, known.colour, pause=pause, whole=True)
            await uow.schedules.record_change(
                site, who=self._who, action="repair", before=None, after=_json(known.schedule)
            )
            await uow.commit()

    async def adopt_pause(self, site: str, described: ScheduleDescription) -> None:
        """Take over into the database that somebody paused or resumed the schedule in Temporal."""
        state = described.schedule.state
        async with self._locked(site) as uow:
            if state.paused:
                await uow.schedules.pause(site, by="Temporal", note=state.note or "paused in Temporal", until=None)
            else:
                await uow.schedules.resume(site, by="Temporal")
            after = {"paused": state.paused, "note": state.note}
            await uow.schedules.record_change(site, who=self._who, action="adopt", before=None, after=after)
            await uow.commit()

    async def _write(
        self,
        uow: UnitOfWork,
        site: str,
        schedule: Schedule,
        colour: Colour,
        *,
        pause: Pause | None = None,
        whole: bool = False,
    ) -> None:
        """Write Temporal, read it back, keep both. ``whole`` overwrites pause and note too."""
        state = TemporalState(paused=True, note=pause.note) if pause else TemporalState()
        wanted = schedule_spec.as_temporal(site, schedule, colour=colour, state=state)
        attributes = TypedSearchAttributes([SearchAttributePair(sa.SITE, site), SearchAttributePair(sa.COLOUR, colour)])
        try:
            await self._client.create_schedule(ids.schedule(site), wanted, search_attributes=attributes)
        except ScheduleAlreadyRunningError:

            def change(current: ScheduleUpdateInput) -> ScheduleUpdate:
                if not whole:
                    wanted.state = current.description.schedule.state
                return ScheduleUpdate(wanted, search_attributes=attributes)

            await self._handle(site).update(change)
        described = await self._call(site, lambda handle: handle.describe())
        await uow.schedules.upsert(site, schedule, colour=colour, written=schedule_spec.fingerprint(described))

    async def _resume_later(self, site: str, until: datetime) -> None:
        """A workflow that does nothing until then, so that no command and no process of ours has to be there."""
        from src.infrastructure.temporal.workflows.schedule_resume import ScheduleResumeWorkflow  # noqa: PLC0415 - it names activities that name us

        async with self._database.unit_of_work() as uow:
            colour = (await self._known(uow, site)).colour
        await self._client.start_workflow(
            ScheduleResumeWorkflow.run,
            ResumeSchedule(site=site, due=until),
            id=ids.schedule_resume(site),
            task_queue=ids.task_queue(colour),
            start_delay=max(until - datetime.now(UTC), timedelta(seconds=1)),
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
            static_summary=f"resume {site} at {until:%Y-%m-%d %H:%M} UTC",
        )

    @asynccontextmanager
    async def _locked(self, site: str) -> AsyncIterator[UnitOfWork]:
        """A unit of work that alone may write the site's schedule."""
        async with self._database.unit_of_work(autocommit=False) as uow:
            await uow.schedules.lock(site)
            yield uow

    async def _known(self, uow: UnitOfWork, site: str) -> DesiredSchedule:
        known = await uow.schedules.find(site)
        if known is None:
            await uow.sites.get(site)
            raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
        return known

    def _handle(self, site: str) -> ScheduleHandle:
        return self._client.get_schedule_handle(ids.schedule(site))

    async def _call(self, site: str, call: Callable[[ScheduleHandle], Awaitable[T]]) -> T:
        try:
            return await call(self._handle(site))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotFound(
                    "schedule in Temporal for site",
                    site,
                    hint=Hint.REPAIR_SCHEDULE,
                ) from error
            raise EngineUnavailable(f"Temporal did not answer about the schedule of {site!r}: {error}") from error


def _json(schedule: Schedule | None) -> dict[str, Any] | None:
    return schedule.model_dump(mode="json") if schedule else None


def _state(known: DesiredSchedule, pause: Pause | None, described: ScheduleDescription | None) -> ScheduleState:
    info = described.info if described else None
    raw = described.raw_description.info if described else None
    return ScheduleState(
        site=known.site,
        schedule=known.schedule,
        colour=known.colour,
        pause=pause,
        differs=_differs(pause, described),
        next_runs=tuple(at.astimezone(UTC) for at in info.next_action_times) if info else (),
        recent_runs=tuple(action.scheduled_at.astimezone(UTC) for action in info.recent_actions) if info else (),
        running=len(info.running_actions) if info else 0,
        buffered=raw.buffer_size if raw else 0,
        missed_catch_up=info.num_actions_missed_catchup_window if info else 0,
        skipped_overlap=info.num_actions_skipped_overlap if info else 0,
    )


def _differs(pause: Pause | None, described: ScheduleDescription | None) -> str | None:
    if described is None:
        return "Temporal has no such schedule"
    state = described.schedule.state
    if state.paused and pause is None:
        return f"paused in Temporal: {state.note or 'no note'}"
    return "resumed in Temporal" if pause is not None and not state.paused else None
