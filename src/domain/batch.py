"""A batch: the articles of one site for one slot, and how it ended."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .colour import Colour
from .ids import BatchId


class Trigger(StrEnum):
    """Who asked for a batch."""

    SCHEDULE = "schedule"
    BACKFILL = "backfill"
    MANUAL = "manual"


class BatchStatus(StrEnum):
    """How far a batch got; all but the first are final."""

    RUNNING = "running"
    COMPLETED = "completed"  # every article reached review
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"  # no article reached review
    CANCELLED = "cancelled"


class Batch(BaseModel):
    """One batch with its counts; ``total`` is their sum plus what is still under way."""

    model_config = ConfigDict(frozen=True)

    id: BatchId
    site: str
    slot: datetime  # UTC; the nominal time of the schedule
    trigger: Trigger
    status: BatchStatus
    colour: Colour
    workflow_id: str
    run_id: str
    total: int
    needs_review: int
    failed: int
    cancelled: int
    error_type: str | None
    error_message: str | None
    opened_at: datetime
    closed_at: datetime | None

    @property
    def under_way(self) -> int:
        """Articles that have not ended."""
        return self.total - self.needs_review - self.failed - self.cancelled

    @staticmethod
    def status_of(*, total: int, needs_review: int, cancelled: bool) -> BatchStatus:
        """The rule: cancelled if it was told to stop, failed only if nothing of something succeeded."""
        if cancelled:
            return BatchStatus.CANCELLED
        if needs_review == total:
            return BatchStatus.COMPLETED
        return BatchStatus.PARTLY_FAILED if needs_review else BatchStatus.FAILED
