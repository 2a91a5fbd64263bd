"""A batch: the articles of one site for one slot, and how it ended."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from .usage import Spend


class Trigger(StrEnum):
    """Who asked for a batch."""

    SCHEDULE = "schedule"
    BACKFILL = "backfill"
    MANUAL = "manual"


class BatchStatus(StrEnum):
    """How far a batch got; the last four are final."""

    RUNNING = "running"
    COMPLETED = "completed"  # every article reached review
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"  # no article reached review
    CANCELLED = "cancelled"


class BatchResult(BaseModel):
    """What a batch came to; ``remaining`` were neither finished nor failed and are ready again."""

    model_config = ConfigDict(frozen=True)

    batch_id: UUID
    slot: datetime  # UTC
    status: BatchStatus
    total: int
    needs_review: int
    failed: int
    cancelled: int
    remaining: int = 0
    spend: Spend = Spend()

    @classmethod
    def status_of(cls, *, total: int, needs_review: int, cancelled: bool) -> BatchStatus:
        """The rule: cancelled if it was told to stop, failed only if nothing of something succeeded."""
        if cancelled:
            return BatchStatus.CANCELLED
        if needs_review == total:
            return BatchStatus.COMPLETED
        return BatchStatus.PARTLY_FAILED if needs_review else BatchStatus.FAILED
