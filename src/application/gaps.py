"""Reports what became of a site's slots.

From the database, and from Temporal where that leaves a question.

Temporal is asked what it started, never whether it is healthy: a schedule that silently stopped says that it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from src.domain.alert import SlotAlert
from src.domain.batch import Batch, BatchStatus
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling import slot_evidence as gaps
from src.domain.scheduling.backfill import BackfillPlan
from src.domain.scheduling.schedule import ObservedSchedule, Pause, ScheduleVersion
from src.domain.scheduling.slot_evidence import (
    GRACE,
    WATCHDOG_INTERVAL,
    ExpectedSlot,
    RecordedAlert,
    Run,
    SlotEvidence,
    SlotReport,
)
from src.domain.scheduling.slot_outcome import judge
from src.domain.time_range import TimeRange
from src.infrastructure.database.unit_of_work import Database

if TYPE_CHECKING:
    from src.infrastructure.temporal.run_history import RunHistory
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes

DEFAULT_PERIOD = timedelta(days=14)

_LONGEST_BATCH = timedelta(days=7)  # one that began before the period may still have been in the way
_UNLISTED = timedelta(hours=1)  # Temporal's lists lag behind; younger slots are asked for one by one
_CREATED_WITHIN = timedelta(minutes=1)  # of the first version; a younger schedule was created again


@dataclass(frozen=True)
class _Known:
    """What the database says."""

    versions: list[ScheduleVersion]
    pauses: list[Pause]
    batches: dict[datetime, Batch]
    alerts: list[SlotAlert]


class SlotList(BaseModel):
    """Slots of sites, and the backfills requested for their gaps."""

    model_config = ConfigDict(frozen=True)

    slots: list[SlotReport]
    backfills: list[BackfillPlan]


class GapReport:
    """Reports slot by slot.

    ``every`` is the watchdog's interval, ``grace`` how late a slot may start.
    """

    def __init__(
        self,
        database: Database,
        gateway: "ScheduleGateway",
        times: "ScheduleTimes",
        history: "RunHistory",
        *,
        by: Principal,
        every: timedelta = WATCHDOG_INTERVAL,
        grace: timedelta = GRACE,
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._times = times
        self._history = history
        self._by = by
        self._every = every
        self._grace = grace

    async def list_slots(
        self, site: str, first: datetime | None = None, end: datetime | None = None
    ) -> list[SlotReport]:
        """Return every expected slot from ``first`` up to but not ``end``.

        By default these are the slots of the last 14 days.

        Raises NotFound, and NotPermitted.
        """
        self._by.require(Action.SITE_READ, site)
        now = datetime.now(UTC)
        end = min(end or now, now)
        first = first or end - DEFAULT_PERIOD
        known = await self._known(site, first, end)
        expected = await self._list_expected(known, first, end, now)
        facts = SlotEvidence(
            site=site,
            now=now,
            grace=self._grace,
            slots=tuple(each.slot for each in expected),
            batches=known.batches,
            pauses=tuple(known.pauses),
            noticed={alert.slot: RecordedAlert(reason=alert.reason, message=alert.message) for alert in known.alerts},
        )
        if open_slots := [slot for slot in facts.slots if _is_open(slot, facts)]:
            observed = await self._gateway.find(site)
            expected = [each for each in expected if not _precedes(each.slot, known.versions, observed)]
            facts = await self._with_temporal(facts, open_slots, known.versions, observed)
        return [judge(each, facts) for each in expected]

    async def _known(self, site: str, first: datetime, end: datetime) -> _Known:
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            return _Known(
                versions=await uow.schedules.list_versions(site),
                pauses=await uow.schedules.list_pauses(site),
                batches=await uow.batches.list_by_slot(site, first, end),
                alerts=await uow.alerts.list_of_slots(site, first=first, limit=100_000),
            )

    async def _list_expected(self, known: _Known, first: datetime, end: datetime, now: datetime) -> list[ExpectedSlot]:
        expected = []
        for version in known.versions:
            begin, stop = max(first, version.valid_from), min(end, version.valid_to or now)
            if begin < stop:
                slots = await self._times.list_between(version.schedule, begin, stop)
                expected += [ExpectedSlot(slot=slot, schedule=version.schedule) for slot in slots]
        return expected

    async def _with_temporal(
        self,
        facts: SlotEvidence,
        open_slots: Sequence[datetime],
        versions: Sequence[ScheduleVersion],
        observed: ObservedSchedule | None,
    ) -> SlotEvidence:
        runs = await self._runs(facts, open_slots)
        absence = _absence(versions, observed, runs)
        is_paused = observed is not None and observed.is_paused
        is_unasked = is_paused and not any(pause.ended_at is None for pause in facts.pauses)
        return facts.model_copy(
            update={
                "runs": tuple(runs),
                "outages": await self._outages(open_slots, facts.now),
                "missing_schedule": (absence,) if absence else (),
                "external_pause": TimeRange(start=_last_start(runs, facts.now), end=None) if is_unasked else None,
                "external_pause_note": observed.note if observed else "",
                "next_run": observed.next_runs[0] if observed and observed.next_runs and not is_paused else None,
            }
        )

    async def _runs(self, facts: SlotEvidence, open_slots: Sequence[datetime]) -> list[Run]:
        """Return what the schedule started.

        Temporal's list may lag behind or not know a run, so that unsure slots are asked for by name.
        """
        since = min(open_slots) - _LONGEST_BATCH
        listed = await self._history.list_scheduled_runs(facts.site, since)
        known = {run.slot for run in listed if run.ended_at is not None}
        unsure = [slot for slot in open_slots if slot in facts.batches or slot > facts.now - _UNLISTED]
        found = [await self._history.find_run(facts.site, slot) for slot in unsure if slot not in known]
        named = [run for run in found if run]
        slots = {run.slot for run in named}
        return [run for run in listed if run.ended_at is not None or run.slot not in slots] + named

    async def _outages(self, open_slots: Sequence[datetime], now: datetime) -> tuple[TimeRange, ...]:
        """Return when nothing of Temporal was seen.

        No look of the watchdog, and no run of it that waited for a worker.
        """
        longest = self._every * gaps.LONGEST_HEARTBEAT_GAP
        async with self._database.unit_of_work() as uow:
            silences = await uow.watchdog.list_heartbeat_gaps(min(open_slots), now, longer_than=longest)
        found: list[TimeRange] = []
        for silence in silences:
            if any(silence.covers(slot) for slot in open_slots):
                found += gaps.outages(await self._list_signs(silence, now), every=self._every)
        return tuple(found)

    async def _list_signs(self, silence: TimeRange, now: datetime) -> list[datetime]:
        end = silence.end or now
        return [silence.start, *await self._history.list_watchdog_starts(silence.start, end), end]


def _is_open(slot: datetime, facts: SlotEvidence) -> bool:
    """Return whether the database alone cannot tell what became of the slot."""
    batch = facts.batches.get(slot)
    if batch is not None:
        return batch.status is BatchStatus.RUNNING
    return not any(pause.covers(slot) for pause in facts.pauses)


def _current_stretch(versions: Sequence[ScheduleVersion]) -> list[ScheduleVersion]:
    """Return the versions since there was no schedule last.

    None while there is none.
    """
    if not versions or versions[-1].valid_to is not None:
        return []
    first = len(versions) - 1
    while first and versions[first - 1].valid_to == versions[first].valid_from:
        first -= 1
    return list(versions[first:])


def _precedes(slot: datetime, versions: Sequence[ScheduleVersion], observed: ObservedSchedule | None) -> bool:
    """Return whether Temporal's first schedule was created after the slot."""
    stretch = _current_stretch(versions)
    if not stretch or observed is None:
        return False
    created = observed.created_at
    return stretch[0].valid_from <= slot < created and _is_first(created, stretch)


def _absence(
    versions: Sequence[ScheduleVersion], observed: ObservedSchedule | None, runs: Iterable[Run]
) -> TimeRange | None:
    """Return when Temporal lacked a desired schedule.

    From its last start until the schedule was created again.
    """
    stretch = _current_stretch(versions)
    created = observed.created_at if observed else None
    if not stretch or (created is not None and _is_first(created, stretch)):
        return None
    since = stretch[0].valid_from
    before = [
        run.started_at for run in runs if since <= run.started_at and (created is None or run.started_at < created)
    ]
    return TimeRange(start=max(before, default=since), end=created)


def _is_first(created: datetime, stretch: Sequence[ScheduleVersion]) -> bool:
    """Return whether Temporal's schedule is the one first created."""
    was_written_later = any(stretch[0].valid_from < version.valid_from < created for version in stretch[1:])
    return created - stretch[0].valid_from < _CREATED_WITHIN and not was_written_later


def _last_start(runs: Iterable[Run], now: datetime) -> datetime:
    return max((run.started_at for run in runs), default=now - _LONGEST_BATCH)
