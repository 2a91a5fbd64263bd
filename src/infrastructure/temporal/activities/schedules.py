"""Changes to schedules that the software makes itself.

It ends pauses that are over.
"""

from temporalio import activity

from src.domain.scheduling.ports import ResumeUseCase

from ..messages import ResumeSchedule


class ScheduleActivities:
    """Schedules as the worker changes them.

    The audit trail names the worker.
    """

    def __init__(self, schedules: ResumeUseCase) -> None:
        self._schedules = schedules

    @activity.defn
    async def resume_schedule(self, request: ResumeSchedule) -> bool:
        """End the pause that ends at this moment; safe to repeat."""
        return await self._schedules.resume(request.site, note="the pause is over", due=request.due)
