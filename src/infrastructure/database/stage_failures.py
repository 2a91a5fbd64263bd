"""Failures of stages, counted since their article was started."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleRef
from src.domain.ids import ArticleId
from src.domain.stage_failure import FailureKind
from src.domain.stages import Stage

from .tables import StageFailureRow


class StageFailures(BaseModel):
    """Failures of one kind at one stage."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    failures: int
    first_at: datetime
    last_at: datetime

    @property
    def lasting(self) -> timedelta:
        """Return the time from the first to the last."""
        return self.last_at - self.first_at


class LastFailure(BaseModel):
    """How often a stage failed in one way, and the last time."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    article_id: ArticleId
    revision: int
    stage: Stage
    failures: int
    error_type: str
    message: str
    last_at: datetime


class StageFailureRepository:
    """The failures of stages in one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_for(self, article_ids: Sequence[ArticleId]) -> list[LastFailure]:
        """Return the last failure of each stage of these articles."""
        columns = (getattr(StageFailureRow, name) for name in LastFailure.model_fields)
        those = StageFailureRow.article_id.in_(article_ids)
        rows = await self._session.execute(select(*columns).where(those).order_by(StageFailureRow.last_at))
        return [LastFailure.model_validate(row) for row in rows]

    async def record(
        self, article: ArticleRef, stage: Stage, kind: FailureKind, *, error_type: str, message: str
    ) -> StageFailures:
        """Count one more failure, and return all of its kind."""
        key = {"article_id": article.article_id, "revision": article.revision, "stage": stage, "kind": kind}
        statement = insert(StageFailureRow).values(**key, failures=1, error_type=error_type, message=message)
        row = await self._session.scalar(
            statement.on_conflict_do_update(
                index_elements=[*key],
                set_={
                    "failures": StageFailureRow.failures + 1,
                    "error_type": error_type,
                    "message": message,
                    "last_at": func.now(),
                },
            ).returning(StageFailureRow),
            execution_options={"populate_existing": True},
        )
        return StageFailures.model_validate(row)
