"""Models that have answered a stage, shared by all workers."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.stages import Stage

from .tables import AnsweringModelRow


class StageModel(NamedTuple):
    """A model that writes a stage.

    Attributes:
        endpoint: its address, with a mark of the key that it answered to.
    """

    endpoint: str
    stage: Stage
    model: str


class AnsweringModelRepository:
    """The models that have answered, in one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, model: StageModel) -> None:
        """Note that the model answered; safe to repeat."""
        await self._session.execute(insert(AnsweringModelRow).values(model._asdict()).on_conflict_do_nothing())

    async def has_all(self, models: Collection[StageModel]) -> bool:
        """Return whether each of the models has answered its stage."""
        wanted = set(models)
        key = tuple_(AnsweringModelRow.endpoint, AnsweringModelRow.stage, AnsweringModelRow.model)
        known = await self._session.scalar(select(func.count()).select_from(AnsweringModelRow).where(key.in_(wanted)))
        return known == len(wanted)
