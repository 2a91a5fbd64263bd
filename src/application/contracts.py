"""Contract migrations: those that take away what older code uses.

A migration module says ``contract = True``. All others only add, so old and new code use the database together.
"""

from pydantic import BaseModel, ConfigDict

from src.domain.colour import Colour
from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database


class ContractRefusal(BaseModel):
    """Why code and schema do not fit.

    Attributes:
        migration: the contract migration.
        workers: those whose code does not know it.
    """

    model_config = ConfigDict(frozen=True)

    migration: str
    workers: tuple[str, ...]


async def contract_refusal(database: Database) -> ContractRefusal | None:
    """Return why the pending migrations have to wait.

    That is a contract migration, and workers that live and do not know it.
    """
    for migration in await schema.list_pending_contracts(database.engine):
        if older := await schema.list_older_workers(database.engine, migration):
            return ContractRefusal(migration=migration, workers=tuple(older))
    return None


async def rollback_refusal(database: Database, colour: Colour) -> ContractRefusal | None:
    """Return why work cannot go back to the colour.

    Its code does not know the last contract migration of the database. What counts are its workers that live, else
    the one that began last.
    """
    oldest = await schema.find_oldest_code(database.engine)
    if oldest is None:
        return None
    async with database.unit_of_work() as uow:
        workers = await uow.workers.list_latest(colour)
    older = tuple(each.instance for each in workers if (each.migration or "") < oldest)
    return ContractRefusal(migration=oldest, workers=older) if older else None
