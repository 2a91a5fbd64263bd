"""Shows that the runner of a deployment lives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from .unit_of_work import Database, UnitOfWork

log = structlog.get_logger()


@asynccontextmanager
async def lease_kept(database: Database, deployment_id: UUID, runner: str, *, every: timedelta) -> AsyncIterator[None]:
    """Give signs of life until the block ends, then let go.

    Where the database does not answer the lease runs out by itself.
    """
    beating = asyncio.create_task(_beat(database, deployment_id, runner, every))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await _try(database, lambda uow: uow.deployments.release(deployment_id, runner))


async def _beat(database: Database, deployment_id: UUID, runner: str, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        await _try(database, lambda uow: uow.deployments.beat(deployment_id, runner))


async def _try(database: Database, statement: Callable[[UnitOfWork], Awaitable[object]]) -> None:
    try:
        await database.run_autocommit(statement)
    except (DBAPIError, PoolTimeout, OSError) as error:
        log.warning("deployment_not_seen", error=type(error).__name__)
