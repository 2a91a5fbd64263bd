"""The gate: one probe article through all stages on a colour's queue."""

from contextlib import suppress
from typing import TYPE_CHECKING

from src.domain.article import ArticleRef, ArticleStatus, Failure
from src.domain.colour import Colour
from src.domain.errors import EngineUnavailable
from src.domain.hold import HoldState
from src.infrastructure.database.unit_of_work import Database

from .pace import Pace

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

TIMED_OUT = "gate_timed_out"
FAILED = "gate_failed"


class Gate:
    """Has a probe made, and leaves nothing of it."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", pace: Pace) -> None:
        self._database = database.seeing_probes()
        self._workflows = workflows
        self._pace = pace

    async def try_out(self, colour: Colour) -> str | None:
        """Return why the colour did not make the probe, or None.

        What an earlier gate left is removed first. Raises EngineUnavailable.
        """
        await self.clean_up()
        async with self._database.unit_of_work() as uow:
            probe = await uow.probes.plant(colour, workflow_id="gate")
        try:
            await self._workflows.start_article(probe, colour=colour, hold=HoldState())
            return await self._result(probe)
        finally:
            with suppress(EngineUnavailable):  # the next gate does it
                await self.clean_up()

    async def clean_up(self) -> None:
        """Remove the rows of probes, and end their workflows."""
        async with self._database.unit_of_work() as uow:
            left = await uow.probes.list_ids()
        await self._workflows.end_probes(left)
        async with self._database.unit_of_work() as uow:
            await uow.probes.remove()

    async def _result(self, probe: ArticleRef) -> str | None:
        if not await self._workflows.wait_for_article(probe.article_id, within=self._pace.gate):
            return TIMED_OUT
        async with self._database.unit_of_work() as uow:
            ended = await uow.articles.list_ended([probe.article_id])
        match ended:
            case [(_, ArticleStatus.NEEDS_REVIEW, _)]:
                return None
            case [(_, _, Failure() as failure)]:
                return f"{FAILED}: stage {failure.stage}, {failure.error_type}: {failure.message}"
        return f"{FAILED}: its workflow ended without a record"
