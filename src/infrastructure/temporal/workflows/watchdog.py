"""The watchdog's workflow: checks every site's schedule.

One check a run, so that the list of runs shows when Temporal was up.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .. import policies
    from ..activities.watchdog import WatchdogActivities


@workflow.defn
class WatchdogWorkflow:
    """Checks the slots of all sites once."""

    @workflow.run
    async def run(self) -> int:
        """Return how many alerts are new."""
        # Local: under full load every slot for activities is held by a model call, for minutes.
        return await workflow.execute_local_activity_method(
            WatchdogActivities.look, summary="has every expected slot its batch?", **policies.SCHEDULE
        )
