"""Steps of batches, in an order that never changes again."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.ids import ArticleId, BatchId
from src.domain.progress import ProgressKind
from src.domain.stages import Stage

from .base import Table, one_of


class ProgressStepRow(Table):
    """A change of a batch or an article, or a finished stage.

    Triggers add the rows, also for a version that does not know them, and delete them with their batch. There are no
    foreign keys: one would lock the batch's row while its articles are stored.
    """

    __tablename__ = "progress_steps"
    __table_args__ = (
        one_of("kind", ProgressKind),
        one_of("stage", Stage),
        Index("ix_progress_steps_batch", "batch_id", "xid", "number"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("(pg_current_xact_id()::text)::bigint"))
    batch_id: Mapped[BatchId]
    article_id: Mapped[ArticleId | None]
    kind: Mapped[str]
    status: Mapped[str | None]
    stage: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
