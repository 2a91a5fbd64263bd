"""Finds slots without a batch, and schedules that will start none."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from src.domain.alert import Alert, AlertKind, Finding
from src.domain.errors import LongtailError
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

from .gaps import GapReport

if TYPE_CHECKING:
    from src.infrastructure.temporal.schedule_gateway import ScheduleGateway
    from src.infrastructure.temporal.schedule_times import ScheduleTimes

log = structlog.get_logger()

CHECKED = timedelta(days=3)  # as far back as the default catch-up window


class ScheduleWarning(StrEnum):
    """Why the next slot will not start, known before its time."""

    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"  # in Temporal itself, or by it after a failed batch
    NO_NEXT_RUN = "no_next_run"


class SlotWatch:
    """Runs the gap report over all sites."""

    def __init__(
        self, database: Database, gateway: "ScheduleGateway", times: "ScheduleTimes", report: GapReport
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._times = times
        self._report = report

    async def look(self, now: datetime) -> list[Alert]:
        """Check every site's slots, and return the alerts that are new."""
        async with self._database.unit_of_work() as uow:
            schedules = await uow.schedules.list_all()
            warned = {alert.site: alert.slot for alert in await uow.alerts.list_of_slots(first=now)}
        healthy = await self._gateway.list_healthy_sites()
        missing: list[Finding] = []
        at_risk: list[Finding] = []
        unchecked = set()
        for desired in schedules:
            try:
                missing += await self._list_missing(desired.site, now)
                if desired.site not in healthy:
                    at_risk += await self._list_warnings(desired, now, warned)
            except LongtailError as error:  # one site's trouble hides no other's
                unchecked.add(desired.site)
                log.warning("site_not_watched", site=desired.site, error=str(error))

        async def settle(uow: UnitOfWork) -> list[Alert]:
            late = await uow.alerts.settle(AlertKind.SLOT_MISSING, missing, unchecked=unchecked)
            early = await uow.alerts.settle(AlertKind.SLOT_AT_RISK, at_risk, unchecked=unchecked)
            return [*late.raised, *early.raised]

        return await self._database.run_in_transaction(settle)

    async def _list_missing(self, site: str, now: datetime) -> list[Finding]:
        reports = await self._report.list_slots(site, now - CHECKED)
        return [
            _finding(AlertKind.SLOT_MISSING, site, report.slot, reason=report.outcome, detail=report.detail)
            for report in reports
            if report.is_missing
        ]

    async def _list_warnings(
        self, desired: DesiredSchedule, now: datetime, warned: Mapping[str, datetime]
    ) -> Sequence[Finding]:
        """Return a warning if the schedule will not start its next slot.

        There is none if the pause is ours.
        """
        site = desired.site
        async with self._database.unit_of_work() as uow:
            pause = await uow.schedules.find_current_pause(site)
        if pause or (warning := await self._find_warning(site)) is None:
            return []
        slots = [warned[site]] if site in warned else await self._times.list_next(desired.schedule, now, 1)
        return [_finding(AlertKind.SLOT_AT_RISK, site, slot, reason=warning[0], detail=warning[1]) for slot in slots]

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


def _finding(kind: AlertKind, site: str, slot: datetime, *, reason: str, detail: str) -> Finding:
    subject = f"{site} {slot:%Y-%m-%dT%H:%M:%SZ}"
    return Finding(kind=kind, subject=subject, site=site, detail=detail, slot=slot, reason=reason)
