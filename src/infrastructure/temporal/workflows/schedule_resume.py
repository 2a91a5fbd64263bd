"""Ends a pause at its time.

Started with a delay, so that nothing has to run until then.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .. import policies
    from ..activities.schedules import ScheduleActivities
    from ..messages import ResumeSchedule


@workflow.defn
class ScheduleResumeWorkflow:
    """Resumes one site's schedule, unless its pause was ended or changed meanwhile."""

    @workflow.run
    async def run(self, request: ResumeSchedule) -> bool:
        """Return whether it resumed."""
        return await workflow.execute_activity_method(
            ScheduleActivities.resume_schedule,
            request,
            summary="the pause is over",
            **policies.SCHEDULE,
        )
