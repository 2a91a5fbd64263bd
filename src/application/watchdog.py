"""Checks every site's recent slots and its next one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from src.domain.errors import LongtailError
from src.domain.scheduling.slot_evidence import SlotReport
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.watchdog import Alert

from .gaps import GapReport

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes

log = structlog.get_logger()

CHECKED = timedelta(days=3)  # as far back as the default catch-up window
RUNS_KEPT = timedelta(days=90)


class ScheduleWarning(StrEnum):
    """Why the next slot will not start, known before its time."""

    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"  # in Temporal itself, or by it after a failed batch
    NO_NEXT_RUN = "no_next_run"


class Watchdog:
    """Runs the gap report over all sites.

    Each finding is stored once and logged once.
    """

    def __init__(
        self, database: Database, gateway: "ScheduleGateway", times: "ScheduleTimes", report: GapReport
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._times = times
        self._report = report

    async def run(self) -> int:
        """Check every site, store what is new, and record this run.

        Return how many alerts are new.
        """
        now = datetime.now(UTC)
        async with self._database.unit_of_work() as uow:
            schedules = await uow.schedules.list_all()
        healthy = await self._gateway.list_healthy_sites()
        raised = 0
        for desired in schedules:
            try:
                raised += await self._check(desired, now, seems_healthy=desired.site in healthy)
            except LongtailError as error:  # one site's trouble hides no other's
                log.warning("site_not_watched", site=desired.site, error=str(error))
        await self._database.run_in_transaction(lambda uow: uow.watchdog.record_run(now, alerts=raised, keep=RUNS_KEPT))
        return raised

    async def _check(self, desired: DesiredSchedule, now: datetime, *, seems_healthy: bool) -> int:
        reports = await self._report.list_slots(desired.site, now - CHECKED)
        alerts = [_alert(report) for report in reports if report.is_missing]
        if not seems_healthy:
            alerts += await self._list_warnings(desired, now)
        new = await self._database.run_in_transaction(
            lambda uow: uow.watchdog.insert_new_alerts(alerts, warnings=[*ScheduleWarning])
        )
        for alert in new:
            log.warning(
                "slot_missing", site=alert.site, slot=alert.slot.isoformat(), reason=alert.reason, detail=alert.message
            )
        return len(new)

    async def _list_warnings(self, desired: DesiredSchedule, now: datetime) -> Sequence[Alert]:
        """Return a warning if the schedule will not start its next slot.

        There is none if it was given before, or if the pause is ours.
        """
        async with self._database.unit_of_work() as uow:
            pause = await uow.schedules.find_current_pause(desired.site)
            is_warned = bool(await uow.watchdog.list_alerts(desired.site, first=now, limit=1))
        if pause or is_warned or (warning := await self._find_warning(desired.site)) is None:
            return []
        slots = await self._times.list_next(desired.schedule, now, 1)
        return [Alert(site=desired.site, slot=slot, reason=warning[0], message=warning[1]) for slot in slots]

    async def _find_warning(self, site: str) -> tuple[ScheduleWarning, str] | None:
        """Return what is wrong with the schedule.

        It is read by name, since Temporal's lists lag behind.
        """
        observed = await self._gateway.find(site)
        if observed is None:
            return ScheduleWarning.SCHEDULE_MISSING, "Temporal has no schedule of this site"
        if observed.is_paused:
            return ScheduleWarning.SCHEDULE_PAUSED, f"paused in Temporal itself: {observed.note or 'without a note'}"
        if not observed.next_runs:
            return ScheduleWarning.NO_NEXT_RUN, "Temporal has the schedule, but no next run of it"
        return None


def _alert(report: SlotReport) -> Alert:
    return Alert(site=report.site, slot=report.slot, reason=report.outcome, message=report.detail)


async def list_alerts(database: Database, site: str | None = None, *, limit: int) -> list[Alert]:
    """Return the site's alerts, or all, the newest slot first.

    Raises NotFound.
    """
    async with database.unit_of_work() as uow:
        if site:
            await uow.sites.get(site)
        return await uow.watchdog.list_alerts(site, limit=limit)
