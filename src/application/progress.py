"""Follows a batch step by step, from any step on."""

from pydantic import BaseModel, ConfigDict

from src.domain.batch import BatchStatus
from src.domain.ids import BatchId
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.domain.progress import ProgressPosition, ProgressStep
from src.infrastructure.database.unit_of_work import Database

_STEPS = 500  # that are held in memory at a time


class Progress(BaseModel):
    """The next steps of a batch; ``is_over``: there will be none."""

    model_config = ConfigDict(frozen=True)

    steps: list[ProgressStep]
    is_over: bool


async def list_steps(database: Database, batch_id: BatchId, *, by: Principal, after: ProgressPosition) -> Progress:
    """Return the steps after a position, or some of them.

    Asking again after the last one misses none. Raises NotFound, and NotPermitted.
    """
    async with database.unit_of_work() as uow:
        site, status = await uow.batches.get_status(batch_id)  # first: what ended it is then among the steps
        by.require(Action.SITE_READ, site)
        steps = await uow.progress_steps.list_after(batch_id, after, limit=_STEPS)
        may_follow = bool(steps) or status is BatchStatus.RUNNING
        is_over = not may_follow and not await uow.progress_steps.has_after(batch_id, after)
        return Progress(steps=steps, is_over=is_over)


async def read_pulse(database: Database) -> tuple[int, int]:
    """Return what is another after each step of any batch."""
    return await database.run_autocommit(lambda uow: uow.progress_steps.read_pulse())
