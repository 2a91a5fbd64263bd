"""Says where new work starts."""

from src.domain.colour import Colour
from src.infrastructure.database.unit_of_work import Database


async def active_colour(database: Database) -> Colour:
    """Return the colour on which new work starts."""
    async with database.unit_of_work() as uow:
        return (await uow.routing.read()).active
