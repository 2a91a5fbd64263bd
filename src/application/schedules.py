"""Sets, pauses, resumes, triggers and removes schedules.

The desired schedule is in the database; Temporal's is written from it and read back, under a lock on the site.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from src.domain.colour import Colour
from src.domain.errors import Hint, InputInvalid, NotFound
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling import slots
from src.domain.scheduling.schedule import ObservedSchedule, Overlap, Pause, Schedule, ScheduleState
from src.domain.scheduling.schedule_change import ClockChange, ScheduleChange, SchedulePreview, ScheduleWrite
from src.domain.versions import Expected, require_expected
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes

_PREVIEWED = 10  # runs that are shown before a schedule is saved
_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_YEARS_AHEAD = 1  # in which clock changes are shown


async def get_time_zone(database: Database, site: str, *, by: Principal) -> str:
    """Return the IANA zone of the site's schedule, else of the site.

    Raises NotFound, and NotPermitted.
    """
    return (await list_time_zones(database, site, by=by))[site]


async def list_time_zones(database: Database, site: str | None = None, *, by: Principal) -> dict[str, str]:
    """Return the IANA zone of each site that somebody may read.

    It is that of its schedule, else its own; the keys are slugs. Raises NotFound, and NotPermitted.
    """
    readable = by.sites_of(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        sites = [await uow.sites.get(site)] if site else await uow.sites.list_all()
        scheduled = {desired.site: desired.schedule.time_zone for desired in await uow.schedules.list_all()}
        return {
            each.slug: scheduled.get(each.slug, each.time_zone)
            for each in sites
            if readable is None or each.slug in readable
        }


async def list_history(database: Database, site: str, *, by: Principal) -> list[AuditEvent]:
    """Return who changed the site's schedule, the oldest change first.

    Raises NotFound, and NotPermitted.
    """
    by.require(Action.SITE_READ, site)
    async with database.unit_of_work() as uow:
        await uow.sites.get(site)
        return await uow.audit.list_for("schedule", site)


class Schedules:
    """Schedules as one person or process sees and changes them."""

    def __init__(
        self, database: Database, gateway: "ScheduleGateway", times: "ScheduleTimes", *, by: Principal
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._times = times
        self._by = by

    async def preview(self, site: str, change: ScheduleChange) -> SchedulePreview:
        """Return what ``set`` would do.

        Raises NotFound, NotPermitted, and InputInvalid for what cannot be a schedule.
        """
        self._by.require(Action.SITE_READ, site)
        async with self._database.unit_of_work() as uow:
            described = await uow.sites.get(site)
            desired = await uow.schedules.find(site)
            median_duration = await uow.batches.median_duration(site)
        before = desired.schedule if desired else None
        after = change.apply(before, default_zone=described.time_zone)
        now = datetime.now(UTC)
        return SchedulePreview(
            write=ScheduleWrite(before=before, after=after),
            next_runs=tuple(await self._times.list_next(after, now, _PREVIEWED)),
            clock_changes=tuple(ClockChange(*each) for each in slots.clock_changes(after, now.date(), _YEARS_AHEAD)),
            median_duration=median_duration,
        )

    async def set(
        self, site: str, change: ScheduleChange, *, colour: Colour | None = None, expected: Expected | None = None
    ) -> ScheduleWrite:
        """Change the site's schedule, or make it.

        Its runs start on ``colour``, by default the active one. A pause, its note and the history stay. With
        ``expected`` only one that is so far as expected is changed.

        Raises NotFound for an unknown site, NotPermitted, and InputInvalid for what Temporal cannot read; with
        ``expected`` ChangedMeanwhile and PreconditionMissing. Then nothing is changed.
        """
        self._by.require(Action.SCHEDULE_SET, site)
        async with self._locked(site) as uow:
            colour = colour or (await uow.routing.read()).active
            described = await uow.sites.get(site)
            desired = await uow.schedules.find(site)
            before = desired.schedule if desired else None
            after = change.apply(before, default_zone=described.time_zone)
            if expected is not None:
                require_expected("schedule", site, expected, current=before, wanted=after)
            await self._times.list_next(after, datetime.now(UTC), 1)  # Temporal can read it
            is_same = desired is not None and after == before and desired.colour == colour
            if not is_same or await self._gateway.find(site) is None:
                await self._write(uow, site, after, colour)
                await self._record(uow, Action.SCHEDULE_SET, site, before=_json(before), after=_json(after))
            await uow.commit()
        return ScheduleWrite(before=before, after=after)

    async def get(self, site: str) -> ScheduleState:
        """Return the schedule with its runs. Raises NotFound, and NotPermitted."""
        self._by.require(Action.SITE_READ, site)
        async with self._database.unit_of_work() as uow:
            desired, pause = await _get(uow, site), await uow.schedules.find_current_pause(site)
        return _state(desired, pause, await self._gateway.find(site))

    async def list_all(self) -> list[ScheduleState]:
        """Return the schedules of the sites that one may read, by site."""
        sites = self._by.sites(Action.SITE_READ)
        async with self._database.unit_of_work() as uow:
            schedules = [each for each in await uow.schedules.list_all() if sites is None or each.site in sites]
            pauses = await uow.schedules.list_current_pauses()
        observed = await asyncio.gather(*(self._gateway.find(desired.site) for desired in schedules))
        return [
            _state(desired, pauses.get(desired.site), found) for desired, found in zip(schedules, observed, strict=True)
        ]

    async def pause(self, site: str, *, note: str, until: datetime | None = None) -> None:
        """Pause the schedule, until ``until`` (UTC) if that is given.

        No process has to run at that moment.

        Raises NotFound, NotPermitted, and InputInvalid for a moment in the past.
        """
        self._by.require(Action.SCHEDULE_PAUSE, site)
        if until is not None and until <= datetime.now(UTC):
            value = f"{until:%Y-%m-%d %H:%M} UTC"
            raise InputInvalid("until", value, "it is in the past; give a time in the future", reason="in_the_past")
        async with self._locked(site) as uow:
            await _get(uow, site)
            await self._gateway.pause(site, note=note)
            await uow.schedules.pause(site, by=self._by.name, note=note, until=until)
            after = {"note": note, "until": until.isoformat() if until else None}
            await self._record(uow, Action.SCHEDULE_PAUSE, site, after=after)
            await uow.commit()
        if until is not None:
            await self._gateway.resume_later(site, until)

    async def resume(self, site: str, *, note: str, due: datetime | None = None) -> bool:
        """End the pause.

        With ``due`` (UTC) only one that was to end then. Return whether there was one.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_RESUME, site)
        async with self._locked(site) as uow:
            await _get(uow, site)
            pause = await uow.schedules.find_current_pause(site)
            if due is not None and (pause is None or pause.until != due):
                return False
            await self._gateway.unpause(site, note=note)
            was_paused = await uow.schedules.resume(site, by=self._by.name)
            await self._record(uow, Action.SCHEDULE_RESUME, site, after={"note": note})
            await uow.commit()
        return was_paused

    async def trigger(self, site: str, *, overlap: Overlap = Overlap.BUFFER_ALL) -> None:
        """Run one batch now, besides the regular slots.

        A paused schedule stays paused. Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_TRIGGER, site)
        async with self._database.unit_of_work() as uow:
            await _get(uow, site)
            await self._gateway.trigger(site, overlap=overlap)
            await self._record(uow, Action.SCHEDULE_TRIGGER, site, after={"overlap": overlap})

    async def remove(self, site: str) -> None:
        """Delete the schedule; batches under way continue.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_REMOVE, site)
        async with self._locked(site) as uow:
            desired = await _get(uow, site)
            if await self._gateway.find(site):
                await self._gateway.delete(site)
            await uow.schedules.resume(site, by=self._by.name)
            await uow.schedules.delete(site)
            await self._record(uow, Action.SCHEDULE_REMOVE, site, before=_json(desired.schedule))
            await uow.commit()

    async def rewrite(self, site: str) -> None:
        """Make Temporal's schedule the desired one, whatever it is now.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SCHEDULE_REPAIR, site)
        async with self._locked(site) as uow:
            desired = await _get(uow, site)
            await self._write(uow, site, desired.schedule, desired.colour, overwrite_state=True)
            await self._record(uow, Action.SCHEDULE_REPAIR, site, after=_json(desired.schedule))
            await uow.commit()

    async def list_elsewhere(self, colour: Colour) -> list[str]:
        """Return the sites whose runs do not start on ``colour``.

        That is by the database or by Temporal, which may differ while a change is under way.
        """
        async with self._database.unit_of_work() as uow:
            desired = await uow.schedules.list_all()
        requests, queue = asyncio.Semaphore(_CONCURRENT_REQUESTS), ids.task_queue(colour)

        async def is_elsewhere(each: DesiredSchedule) -> bool:
            if each.colour != colour:
                return True
            async with requests:
                observed = await self._gateway.find(each.site)
            return observed is not None and _queue(observed.fingerprint) != queue

        found = await asyncio.gather(*map(is_elsewhere, desired))
        return [each.site for each, elsewhere in zip(desired, found, strict=True) if elsewhere]

    async def move(self, site: str, to: Colour) -> bool:
        """Start the site's runs on ``to`` from now on.

        It is read back. Safe to repeat. Return False, and change nothing, if ``to`` is not the active colour (any
        more). Raises NotFound, NotPermitted, and EngineUnavailable if Temporal did not take it.
        """
        self._by.require(Action.SCHEDULE_SET, site)
        async with self._locked(site) as uow:
            desired = await _get(uow, site)
            if (await uow.routing.read()).active != to:
                return False
            observed = await self._gateway.find(site)
            on_its_queue = observed is not None and _queue(observed.fingerprint) == ids.task_queue(to)
            if desired.colour == to and on_its_queue:
                return True
            await self._write(uow, site, desired.schedule, to)
            before, after = {"colour": desired.colour}, {"colour": to}
            await self._record(uow, Action.SCHEDULE_SET, site, before=before, after=after)
            await uow.commit()
        return True

    async def move_resumes(self) -> int:
        """Move ends of pauses off the queues of colours.

        Versions before this one began them there, where a drain would wait for them. Safe to repeat. Return how many
        there were.
        """
        sites = await self._gateway.list_resumes_of_colours()
        for site in sites:
            async with self._locked(site) as uow:
                pause = await uow.schedules.find_current_pause(site)
                if pause is None or pause.until is None:
                    await self._gateway.end_resume(site)
                else:
                    await self._gateway.resume_later(site, pause.until)
        return len(sites)

    async def adopt_pause(self, site: str, observed: ObservedSchedule) -> None:
        """Store that the schedule was paused or resumed in Temporal. Raises NotPermitted."""
        self._by.require(Action.SCHEDULE_ADOPT, site)
        async with self._locked(site) as uow:
            if observed.is_paused:
                note = observed.note or "paused in Temporal"
                await uow.schedules.pause(site, by="Temporal", note=note, until=None)
            else:
                await uow.schedules.resume(site, by="Temporal")
            await self._record(
                uow, Action.SCHEDULE_ADOPT, site, after={"paused": observed.is_paused, "note": observed.note}
            )
            await uow.commit()

    async def _write(
        self, uow: UnitOfWork, site: str, schedule: Schedule, colour: Colour, *, overwrite_state: bool = False
    ) -> None:
        """Write Temporal's schedule, and store what it shows of it."""
        pause = await uow.schedules.find_current_pause(site)
        written = await self._gateway.write(site, schedule, colour=colour, pause=pause, overwrite_state=overwrite_state)
        await uow.schedules.upsert(site, schedule, colour=colour, written=written, by=self._by.name)

    async def _record(
        self,
        uow: UnitOfWork,
        action: Action,
        site: str,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        await uow.audit.record(action, site, by=self._by, site=site, before=before, after=after)

    @asynccontextmanager
    async def _locked(self, site: str) -> AsyncIterator[UnitOfWork]:
        """Yield a unit of work that alone may write the site's schedule.

        No other colour becomes the active one meanwhile.
        """
        async with self._database.unit_of_work(autocommit=False) as uow:
            await uow.routing.lock(shared=True)
            await uow.schedules.lock(site)
            yield uow


async def _get(uow: UnitOfWork, site: str) -> DesiredSchedule:
    desired = await uow.schedules.find(site)
    if desired is None:
        await uow.sites.get(site)
        raise NotFound("schedule for site", site, hint=Hint.SET_SCHEDULE)
    return desired


def _queue(fingerprint: Mapping[str, Any]) -> str | None:
    queue: str | None = fingerprint["action"].get("task_queue")
    return queue


def _json(schedule: Schedule | None) -> dict[str, Any] | None:
    return schedule.model_dump(mode="json") if schedule else None


def _state(desired: DesiredSchedule, pause: Pause | None, observed: ObservedSchedule | None) -> ScheduleState:
    return ScheduleState(
        site=desired.site,
        schedule=desired.schedule,
        colour=desired.colour,
        pause=pause,
        differs=_differs(pause, observed),
        next_runs=observed.next_runs if observed else (),
        recent_runs=observed.recent_runs if observed else (),
        running=observed.running if observed else 0,
        buffered=observed.buffered if observed else 0,
        missed_catch_up=observed.missed_catch_up if observed else 0,
        skipped_overlap=observed.skipped_overlap if observed else 0,
    )


def _differs(pause: Pause | None, observed: ObservedSchedule | None) -> str | None:
    if observed is None:
        return "Temporal has no such schedule"
    if observed.is_paused and pause is None:
        return f"paused in Temporal: {observed.note or 'no note'}"
    return "resumed in Temporal" if pause is not None and not observed.is_paused else None
