"""Checks a colour before anything is routed to it."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from src.domain.colour import Colour
from src.domain.deployment import QueueState
from src.infrastructure.database import schema
from src.infrastructure.database.colour_facts import ColourWorker
from src.infrastructure.database.unit_of_work import Database

from ..contracts import rollback_refusal
from .pace import Pace

if TYPE_CHECKING:
    from src.infrastructure.temporal.colour_gateway import ColourGateway

NO_WORKER = "no_worker"
NO_WORKFLOW_POLLER = "no_workflow_poller"
NO_ACTIVITY_POLLER = "no_activity_poller"
CONTRACT_MIGRATION = "contract_migration"
SCHEMA_BEHIND = "schema_behind"
CONTRACT_MIGRATION = "contract_migration"
TEMPORAL_AWAY = "temporal_away"
_LOOK = 0.5  # seconds


class Checks:
    """Whether a colour can work."""

    def __init__(self, database: Database, colours: "ColourGateway", pace: Pace) -> None:
        self._database = database
        self._colours = colours
        self._pace = pace

    async def check(self, colour: Colour) -> tuple[str | None, dict[str, Any]]:
        """Return what is wrong with the colour, and what was seen.

        Workers that have just started get a moment.
        """
        end = datetime.now(UTC) + self._pace.patience
        while True:
            workers = await self._list_workers(colour)
            problem = await self._problem(colour, workers)
            if problem in (None, NO_WORKER) or datetime.now(UTC) >= end:
                return problem, {"workers": [worker.instance for worker in workers]}
            await asyncio.sleep(_LOOK)

    async def _list_workers(self, colour: Colour) -> list[ColourWorker]:
        async with self._database.unit_of_work() as uow:
            return [worker for worker in await uow.colours.list_workers(colour) if worker.polls]

    async def _problem(self, colour: Colour, workers: list[ColourWorker]) -> str | None:
        if not workers:
            return NO_WORKER
        revision = await schema.find_revision(self._database.engine) or ""
        if newer := next((each for each in workers if (each.migration or "") > revision), None):
            return f"{SCHEMA_BEHIND}: {revision} < {newer.migration}"
        if refusal := await rollback_refusal(self._database, colour):
            return f"{CONTRACT_MIGRATION}: {refusal.migration}"
        work = await self._colours.describe_colour(colour)
        if work.workflows is None or work.activities is None:
            return TEMPORAL_AWAY
        if not _has_poller(work.workflows, workers):
            return NO_WORKFLOW_POLLER
        return None if _has_poller(work.activities, workers) else NO_ACTIVITY_POLLER


def _has_poller(queue: QueueState, workers: list[ColourWorker]) -> bool:
    """Return whether one of these workers polls; Temporal remembers dead ones."""
    return bool({poller.identity for poller in queue.pollers} & {worker.instance for worker in workers})
