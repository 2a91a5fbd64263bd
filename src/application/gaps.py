"""Gathers what is known of a site's slots, from the database first and from Temporal where that leaves a question.

Temporal is asked what it started, never whether it is healthy: a schedule that silently stopped says that it is.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, ScheduleDescription, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from src.domain.batch import Batch, BatchStatus
from src.domain.scheduling import slot_evidence as gaps
from src.domain.scheduling.schedule import Pause, Schedule
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
from src.infrastructure.database.schedules import DesiredSchedule, ScheduleChange
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.watches import Alert
from src.infrastructure.temporal import ids
from src.infrastructure.temporal.schedule_times import ScheduleTimes

from .schedules import Schedules

DEFAULT_PERIOD = timedelta(days=14)

WATCHDOG_TYPE = "WatchdogWorkflow"  # each of its runs is a sign that Temporal was there, also without a worker

_LONGEST_BATCH = timedelta(days=7)  # one that began before the period may still have been in the way
_UNLISTED = timedelta(hours=1)  # Temporal's lists lag behind; younger slots are asked for one by one
_MADE_WITHIN = timedelta(minutes=1)  # of the note in the audit trail; a schedule that is younger was made anew


@dataclass(frozen=True)
class _Period:
    """How long one wish was in force; ``end`` None: it is."""

    start: datetime
    end: datetime | None
    schedule: Schedule


@dataclass(frozen=True)
class _Known:
    """What the database says."""

    changes: list[ScheduleChange]
    wanted: DesiredSchedule | None
    pauses: list[Pause]
    batches: dict[datetime, Batch]
    alerts: list[Alert]


class GapReport:
    """Reports slot by slot; ``every`` is how often the watchdog looks."""

    def __init__(
        self, client: Client, database: Database, *, every: timedelta = WATCHDOG_INTERVAL, grace: timedelta = GRACE
    ) -> None:
        self._client = client
        self._database = database
        self._schedules = Schedules(client, database, who="gap report")
        self._book = ScheduleTimes(client)
        self._every = every
        self._grace = grace

    async def of(self, site: str, first: datetime | None = None, end: datetime | None = None) -> list[SlotReport]:
        """Every slot that was expected from ``first`` up to but not ``end`` (default: the last 14 days).

        Raises NotFound for an unknown site.
        """
        now = datetime.now(UTC)
        end = min(end or now, now)
        first = first or end - DEFAULT_PERIOD
        known = await self._known(site, first, end)
        expected = [each async for each in self._expected(known, first, end, now)]
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
            described = await self._schedules.described(site)
            expected = [each for each in expected if not _precedes(each.slot, known.changes, described)]
            facts = await self._with_temporal(facts, open_slots, known.changes, described)
        return [judge(each, facts) for each in expected]

    async def _known(self, site: str, first: datetime, end: datetime) -> _Known:
        async with self._database.unit_of_work() as uow:
            await uow.sites.get(site)
            return _Known(
                changes=[change for change in await uow.schedules.list_changes(site) if _is_wish(change)],
                wanted=await uow.schedules.find(site),
                pauses=await uow.schedules.list_pauses(site),
                batches=await uow.watches.list_batches_by_slot(site, first, end),
                alerts=await uow.watches.list_alerts(site, first=first, limit=100_000),
            )

    async def _expected(
        self, known: _Known, first: datetime, end: datetime, now: datetime
    ) -> AsyncIterator[ExpectedSlot]:
        for period in _periods(known):
            begin, stop = max(first, period.start), min(end, period.end or now)
            if begin < stop:
                for slot in await self._book.between(period.schedule, begin, stop):
                    yield ExpectedSlot(slot=slot, schedule=period.schedule)

    async def _with_temporal(
        self,
        facts: SlotEvidence,
        open_slots: Sequence[datetime],
        changes: Sequence[ScheduleChange],
        described: ScheduleDescription | None,
    ) -> SlotEvidence:
        runs = await self._runs(facts, open_slots)
        absence = _absence(changes, described, runs)
        is_paused = described is not None and described.schedule.state.paused
        is_unasked = is_paused and not any(pause.ended_at is None for pause in facts.pauses)
        return facts.model_copy(
            update={
                "runs": tuple(runs),
                "outages": await self._outages(open_slots, facts.now),
                "missing_schedule": (absence,) if absence else (),
                "external_pause": TimeRange(start=_last_start(runs, facts.now), end=None) if is_unasked else None,
                "external_pause_note": (described.schedule.state.note or "") if described else "",
                "next_run": _next_run(described),
            }
        )

    async def _runs(self, facts: SlotEvidence, open_slots: Sequence[datetime]) -> list[Run]:
        """What the schedule started, by the list, and by name where the list may lag or not know it."""
        since = min(open_slots) - _LONGEST_BATCH
        query = (
            f"WorkflowType = 'SiteBatchWorkflow' AND TemporalScheduledById = '{ids.schedule(facts.site)}' "
            f"AND StartTime >= '{_text(since)}'"
        )
        listed = [run async for each in self._client.list_workflows(query) if (run := _run(facts.site, each))]
        known = {run.slot for run in listed if run.ended_at is not None}
        unsure = [slot for slot in open_slots if slot in facts.batches or slot > facts.now - _UNLISTED]
        found = [await self._described_run(facts.site, slot) for slot in unsure if slot not in known]
        named = [run for run in found if run]
        slots = {run.slot for run in named}
        return [run for run in listed if run.ended_at is not None or run.slot not in slots] + named

    async def _described_run(self, site: str, slot: datetime) -> Run | None:
        try:
            return _run(site, await self._client.get_workflow_handle(ids.batch_run(site, slot)).describe())
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _outages(self, open_slots: Sequence[datetime], now: datetime) -> tuple[TimeRange, ...]:
        """When nothing of Temporal was seen: no look of the watchdog, and no run of it that waited for a worker."""
        longest = self._every * gaps.LONGEST_HEARTBEAT_GAP
        async with self._database.unit_of_work() as uow:
            silences = await uow.watches.list_heartbeat_gaps(min(open_slots), now, longer_than=longest)
        found: list[TimeRange] = []
        for silence in silences:
            if any(silence.covers(slot) for slot in open_slots):
                found += gaps.outages(await self._signs(silence, now), every=self._every)
        return tuple(found)

    async def _signs(self, silence: TimeRange, now: datetime) -> list[datetime]:
        end = silence.end or now
        query = (
            f"WorkflowType = '{WATCHDOG_TYPE}' AND StartTime > '{_text(silence.start)}' AND StartTime < '{_text(end)}'"
        )
        return [silence.start, *[each.start_time async for each in self._client.list_workflows(query)], end]


def _is_open(slot: datetime, facts: SlotEvidence) -> bool:
    """Whether the database alone cannot tell what became of the slot."""
    batch = facts.batches.get(slot)
    if batch is not None:
        return batch.status is BatchStatus.RUNNING
    return not any(pause.covers(slot) for pause in facts.pauses)


def _is_wish(change: ScheduleChange) -> bool:
    return change.action == "remove" or "when" in (change.after or {})


def _periods(known: _Known) -> list[_Period]:
    """Each wish with the time in which it was in force, the oldest first."""
    changes = known.changes
    if not changes and known.wanted:
        return [_Period(known.wanted.created_at, None, known.wanted.schedule)]
    ends: list[datetime | None] = [*(change.at for change in changes[1:]), None]
    return [
        _Period(change.at, end, Schedule.model_validate(change.after))
        for change, end in zip(changes, ends, strict=True)
        if change.after is not None
    ]


def _stretch(changes: Sequence[ScheduleChange]) -> list[ScheduleChange]:
    """The changes since there was no schedule last."""
    removed = max((i for i, change in enumerate(changes) if change.after is None), default=-1)
    return list(changes[removed + 1 :])


def _precedes(slot: datetime, changes: Sequence[ScheduleChange], described: ScheduleDescription | None) -> bool:
    """Whether the slot lies between the note of a new schedule and the moment when Temporal had it."""
    stretch = _stretch(changes)
    if not stretch or described is None:
        return False
    made = described.info.created_at
    return stretch[0].at <= slot < made and _is_first(made, stretch)


def _absence(
    changes: Sequence[ScheduleChange], described: ScheduleDescription | None, runs: Iterable[Run]
) -> TimeRange | None:
    """When Temporal had no schedule that was wanted: since it last started something, until it was made anew."""
    stretch = _stretch(changes)
    made = described.info.created_at if described else None
    if not stretch or (made is not None and _is_first(made, stretch)):
        return None
    noted = stretch[0].at
    before = [run.started_at for run in runs if noted <= run.started_at and (made is None or run.started_at < made)]
    return TimeRange(start=max(before, default=noted), end=made)


def _is_first(made: datetime, stretch: Sequence[ScheduleChange]) -> bool:
    """Whether the schedule that Temporal has is the one that the first change made, and no later one."""
    was_made_later = any(stretch[0].at < change.at < made for change in stretch[1:])
    return made - stretch[0].at < _MADE_WITHIN and not was_made_later


def _last_start(runs: Iterable[Run], now: datetime) -> datetime:
    return max((run.started_at for run in runs), default=now - _LONGEST_BATCH)


def _next_run(described: ScheduleDescription | None) -> datetime | None:
    if described is None or described.schedule.state.paused:
        return None
    return next(iter(described.info.next_action_times), None)


def _run(site: str, execution: WorkflowExecution) -> Run | None:
    """The execution as a run; None for what is named after no slot."""
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
