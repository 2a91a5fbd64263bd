"""Reads what a canary made, and judges it."""

from datetime import datetime
from typing import TYPE_CHECKING

from src.domain.canary import CanaryEvidence, CanaryJudgement, judge
from src.domain.colour import Colour
from src.infrastructure.database.unit_of_work import Database

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway


class Canaries:
    """Evidence for and against a colour."""

    def __init__(self, database: Database, workflows: "WorkflowGateway") -> None:
        self._database = database
        self._workflows = workflows

    async def judge(self, colour: Colour, *, old: Colour, since: datetime, is_over: bool) -> CanaryJudgement:
        """Return the verdict on what ``colour`` made since then.

        Raises EngineUnavailable: nothing is judged by half.
        """
        stuck = await self._workflows.list_stuck(colour)
        async with self._database.unit_of_work() as uow:
            workers = await uow.colours.list_workers(colour)
            evidence = CanaryEvidence(
                old=await uow.colours.read_side(old, since=None),
                new=await uow.colours.read_side(colour, since=since),
                known_errors=await uow.colours.list_known_errors(but_of=colour),
                workers_alive=sum(worker.polls for worker in workers),
                stuck=tuple(each.workflow_id for each in stuck),
            )
        return judge(evidence, is_over=is_over)
