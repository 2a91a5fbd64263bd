"""The watchdog's look: every site's slots of the last days, and schedules that will not start their next one."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from src.application.gaps import GapReport
from src.application.schedules import Schedules
from src.domain.errors import LongtailError
from src.domain.scheduling.slot_evidence import GRACE, WATCHDOG_INTERVAL, SlotReport
from src.infrastructure.database.schedules import DesiredSchedule
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.watches import Alert

from .. import ids, schedule_spec

log = structlog.get_logger()

LOOKS_BACK = timedelta(days=3)  # as far as the default catch-up window
KEEPS_LOOKS = timedelta(days=90)


class ScheduleWarning(StrEnum):
    """Why the next slot will not begin, seen before its time."""

    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"  # in Temporal itself, or by it after a failed batch
    NO_NEXT_RUN = "no_next_run"


class WatchdogActivities:
    """Looks with the eyes of the gap report; what is found is kept once and logged once."""

    def __init__(
        self, client: Client, database: Database, *, every: timedelta = WATCHDOG_INTERVAL, grace: timedelta = GRACE
    ) -> None:
        self._client = client
        self._database = database
        self._report = GapReport(client, database, every=every, grace=grace)
        self._schedules = Schedules(client, database, who="watchdog")

    @activity.defn
    async def look(self) -> int:
        """Check every site, keep what is new, and note that a look was taken. Returns how many alerts are new."""
        now = datetime.now(UTC)
        async with self._database.unit_of_work() as uow:
            wanted = await uow.schedules.list_all()
        healthy = {site async for site in self._listed_as_healthy()}
        raised = 0
        for known in wanted:
            try:
                raised += await self._watch(known, now, seems_healthy=known.site in healthy)
            except (LongtailError, RPCError) as error:  # one site's trouble hides no other's
                log.warning("site_not_watched", site=known.site, error=str(error))
        await self._database.run_in_transaction(
            lambda uow: uow.watches.record_run(now, alerts=raised, keep=KEEPS_LOOKS)
        )
        return raised

    async def _watch(self, known: DesiredSchedule, now: datetime, *, seems_healthy: bool) -> int:
        reports = await self._report.of(known.site, now - LOOKS_BACK)
        alerts = [_alert(report) for report in reports if report.is_missing]
        if not seems_healthy:
            alerts += await self._forewarned(known, now)
        new = await self._database.run_in_transaction(
            lambda uow: uow.watches.insert_new_alerts(alerts, warnings=[*ScheduleWarning])
        )
        for alert in new:
            log.warning(
                "slot_missing", site=alert.site, slot=alert.slot.isoformat(), reason=alert.reason, detail=alert.message
            )
        return len(new)

    async def _listed_as_healthy(self) -> AsyncIterator[str]:
        """The sites whose schedule Temporal lists with a next run: one call for all of them."""
        async for entry in await self._client.list_schedules():
            is_paused = entry.schedule is None or entry.schedule.state.paused
            if entry.id.startswith(ids.schedule("")) and not is_paused and entry.info and entry.info.next_action_times:
                yield ids.site_of(entry.id)

    async def _forewarned(self, known: DesiredSchedule, now: datetime) -> Sequence[Alert]:
        """A warning for the next slot, unless there is one already or the pause is ours."""
        async with self._database.unit_of_work() as uow:
            pause = await uow.schedules.find_current_pause(known.site)
            is_warned = bool(await uow.watches.list_alerts(known.site, first=now, limit=1))
        if pause or is_warned or (trouble := await self._trouble(known.site)) is None:
            return []
        slots = await schedule_spec.next_slots(self._client, known.schedule, now, 1)
        return [Alert(site=known.site, slot=slot, reason=trouble[0], message=trouble[1]) for slot in slots]

    async def _trouble(self, site: str) -> tuple[ScheduleWarning, str] | None:
        """What the list made suspicious, asked for by name, since lists lag behind."""
        described = await self._schedules.described(site)
        if described is None:
            return ScheduleWarning.SCHEDULE_MISSING, "Temporal has no schedule of this site"
        if described.schedule.state.paused:
            note = described.schedule.state.note or "without a note"
            return ScheduleWarning.SCHEDULE_PAUSED, f"paused in Temporal itself: {note}"
        if not described.info.next_action_times:
            return ScheduleWarning.NO_NEXT_RUN, "Temporal has the schedule, but no next run of it"
        return None


def _alert(report: SlotReport) -> Alert:
    return Alert(site=report.site, slot=report.slot, reason=report.outcome, message=report.detail)
