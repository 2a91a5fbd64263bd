"""Sees to it that what is due has its workflow."""

from datetime import timedelta
from typing import TYPE_CHECKING

from src.infrastructure.database.unit_of_work import Database

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

PATIENCE = timedelta(minutes=1)  # one that is due is carried out at once while a worker lives


class PublicationWatch:
    """Starts workflows of publications that have none, on the active colour."""

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, patience: timedelta = PATIENCE) -> None:
        self._database = database
        self._workflows = workflows
        self._patience = patience

    async def look(self) -> None:
        """Start what is missing; what runs is left as it is."""
        async with self._database.unit_of_work() as uow:
            overdue = await uow.publications.list_overdue(older_than=self._patience)
            colour = (await uow.routing.read()).active
        for site, article_id in overdue:
            await self._workflows.start_publishing(article_id, site=site, colour=colour, is_new=False)
