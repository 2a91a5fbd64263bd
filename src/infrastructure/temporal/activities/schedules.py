"""What the software itself does to schedules: ends pauses that are over."""

from temporalio import activity
from temporalio.client import Client

from src.application.schedules import Schedules
from src.infrastructure.database.unit_of_work import Database

from ..messages import ResumeSchedule


class ScheduleActivities:
    """Schedules as the worker changes them, under its own name in the audit trail."""

    def __init__(self, client: Client, database: Database, *, worker: str) -> None:
        self._schedules = Schedules(client, database, who=worker)

    @activity.defn
    async def resume_schedule(self, request: ResumeSchedule) -> bool:
        """Resume the site's schedule if its pause was to end at this moment; safe to repeat."""
        return await self._schedules.resume(request.site, note="the pause is over", due=request.due)
