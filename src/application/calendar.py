"""Shows the slots of a month, past and planned."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.errors import EngineUnavailable
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.scheduling.schedule import Pause, Schedule
from src.domain.scheduling.slot_evidence import Outcome, SlotReport
from src.domain.site import Site
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database

from .gaps import GapReport

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_times import ScheduleTimes

SITES = 20  # of one page; each is asked about alone
_AT_ONCE = 4  # sites whose slots are looked for at the same time
_PATIENCE = 10.0  # seconds for one site's slots
_OF_BATCH = {
    BatchStatus.RUNNING: Outcome.RUNNING,
    BatchStatus.COMPLETED: Outcome.RAN,
    BatchStatus.PARTLY_FAILED: Outcome.PARTLY_FAILED,
    BatchStatus.FAILED: Outcome.FAILED,
    BatchStatus.CANCELLED: Outcome.CANCELLED,
    BatchStatus.STOPPED: Outcome.STOPPED,
}


class CalendarSlot(BaseModel):
    """A slot of the past, or one to come.

    Attributes:
        day: in the site's zone.
        report: what became of it; None: it is to come.
        is_paused: it is to come, and the pause will not have ended.
        articles: how many it will make, if it is to come.
    """

    model_config = ConfigDict(frozen=True)

    slot: datetime
    day: date
    report: SlotReport | None = None
    batch: Batch | None = None
    is_paused: bool = False
    articles: int | None = None

    @property
    def is_backfilled(self) -> bool:
        """Return whether a backfill ran it."""
        return self.batch is not None and self.batch.trigger is Trigger.BACKFILL


class CalendarRow(BaseModel):
    """A site's month.

    Attributes:
        problem: why only batches are shown; None: every slot is.
    """

    model_config = ConfigDict(frozen=True)

    site: Site
    zone: str
    schedule: Schedule | None
    slots: list[CalendarSlot]
    problem: str | None = None


class CalendarMonth(BaseModel):
    """A month of some sites; ``following`` is the first one left out."""

    model_config = ConfigDict(frozen=True)

    first: date
    rows: list[CalendarRow]
    following: str | None


class Calendar:
    """The calendar as one person sees it."""

    def __init__(self, database: Database, gaps: GapReport, times: "ScheduleTimes", *, by: Principal) -> None:
        self._database = database
        self._gaps = gaps
        self._times = times
        self._by = by

    async def month(self, first: date, *, site: str | None = None, since: str = "") -> CalendarMonth:
        """Return the month of a site, or of all.

        They begin with the slug ``since``.

        Raises NotFound, and NotPermitted.
        """
        readable = self._by.sites_of(Action.SITE_READ, site)
        async with self._database.unit_of_work() as uow:
            if site:
                await uow.sites.get(site)
            known = await uow.sites.list_all()
            desired = {each.site: each for each in await uow.schedules.list_all()}
            pauses = await uow.schedules.list_current_pauses()
        sites = [each for each in known if (readable is None or each.slug in readable) and each.slug >= since]
        limit = asyncio.Semaphore(_AT_ONCE)

        async def row(each: Site) -> CalendarRow:
            async with limit:
                return await self._row(each, first, desired.get(each.slug), pauses.get(each.slug))

        rows = await asyncio.gather(*(row(each) for each in sites[:SITES]))
        return CalendarMonth(first=first, rows=rows, following=sites[SITES].slug if len(sites) > SITES else None)

    async def _row(self, site: Site, first: date, desired: DesiredSchedule | None, pause: Pause | None) -> CalendarRow:
        zone = desired.schedule.time_zone if desired else site.time_zone
        begin, end = _bounds(first, ZoneInfo(zone))
        now = datetime.now(UTC)
        async with self._database.unit_of_work() as uow:
            batches = await uow.batches.list_by_slot(site.slug, begin, end)
        problem = None
        try:
            async with asyncio.timeout(_PATIENCE):
                reports = await self._gaps.list_slots(site.slug, begin, end) if begin < now else []
                planned = await self._times.list_between(desired.schedule, max(begin, now), end) if desired else []
        except (EngineUnavailable, TimeoutError) as error:
            problem = error.message if isinstance(error, EngineUnavailable) else "Temporal did not answer in time"
            reports, planned = [_report(batch) for batch in batches.values()], []
        slots = [
            CalendarSlot(slot=each.slot, day=_day(each.slot, zone), report=each, batch=batches.get(each.slot))
            for each in reports
        ]
        slots += _planned([at for at in planned if at > now], site, desired, pause, zone)
        return CalendarRow(
            site=site, zone=zone, schedule=desired.schedule if desired else None, slots=slots, problem=problem
        )


def _bounds(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the local month's begin and end in UTC."""
    following = (first + timedelta(days=32)).replace(day=1)
    begin, end = (datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC) for day in (first, following))
    return begin, end


def _day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def _planned(
    moments: Sequence[datetime], site: Site, desired: DesiredSchedule | None, pause: Pause | None, zone: str
) -> list[CalendarSlot]:
    articles = (desired.schedule.articles if desired else None) or site.articles_per_batch
    return [
        CalendarSlot(
            slot=at,
            day=_day(at, zone),
            is_paused=pause is not None and (pause.until is None or at < pause.until),
            articles=articles,
        )
        for at in moments
    ]


def _report(batch: Batch) -> SlotReport:
    """Return what the batch alone says."""
    return SlotReport(site=batch.site, slot=batch.slot, outcome=_OF_BATCH[batch.status], batch_id=batch.id)
