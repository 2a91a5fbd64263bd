"""Steps of batches, in an order in which none comes late.

Steps are in the order of their transactions' ids, and only those are read whose transaction is older than any that
still runs: whatever comes later has a higher id.
"""

from sqlalchemy import BigInteger, Text, cast, exists, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.ids import BatchId
from src.domain.progress import ProgressPosition, ProgressStep

from .tables import ProgressStepRow

_PULSE = 1000  # steps; none is committed after so many later ones
_OLDEST_RUNNING = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)


class ProgressStepRepository:
    """The steps of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_after(self, batch_id: BatchId, position: ProgressPosition, *, limit: int) -> list[ProgressStep]:
        """Return the batch's next steps after the position."""
        place = tuple_(ProgressStepRow.xid, ProgressStepRow.number)
        rows = await self._session.scalars(
            select(ProgressStepRow)
            .where(
                ProgressStepRow.batch_id == batch_id,
                place > (position.transaction, position.number),
                ProgressStepRow.xid < _OLDEST_RUNNING,
            )
            .order_by(ProgressStepRow.xid, ProgressStepRow.number)
            .limit(limit)
        )
        return [_step(row) for row in rows]

    async def has_after(self, batch_id: BatchId, position: ProgressPosition) -> bool:
        """Return whether there is a later step, readable yet or not."""
        place = tuple_(ProgressStepRow.xid, ProgressStepRow.number)
        following = exists().where(
            ProgressStepRow.batch_id == batch_id, place > (position.transaction, position.number)
        )
        return bool(await self._session.scalar(select(following)))

    async def read_pulse(self) -> tuple[int, int]:
        """Return the newest step's number, and how many before it.

        A step that is committed late changes the second.
        """
        newest = select(func.coalesce(func.max(ProgressStepRow.number), 0)).scalar_subquery()
        statement = select(func.coalesce(func.max(ProgressStepRow.number), 0), func.count())
        row = await self._session.execute(statement.where(ProgressStepRow.number > newest - _PULSE))
        number, count = row.one()
        return number, count


def _step(row: ProgressStepRow) -> ProgressStep:
    return ProgressStep.model_validate(
        {
            "position": ProgressPosition(transaction=row.xid, number=row.number),
            "kind": row.kind,
            "article": row.article_id,
            "status": row.status,
            "stage": row.stage,
            "at": row.at,
        }
    )
