"""Batches: the articles of one site for one slot."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .colour import Colour
from .ids import BatchId


class Trigger(StrEnum):
    """Origin of a batch."""

    SCHEDULE = "schedule"
    BACKFILL = "backfill"
    MANUAL = "manual"


class BatchStatus(StrEnum):
    """Progress of a batch; all but the first are final."""

    RUNNING = "running"
    COMPLETED = "completed"  # every article reached review
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"  # no article reached review
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # by an outage, or by articles that failed alike; it may be started again

    def may_become(self, other: "BatchStatus") -> bool:
        """Return whether a batch in this status may change to ``other``.

        Keeping the status is always allowed.
        """
        return other is self or other in _BECOMES[self]

    @classmethod
    def sources(cls, target: "BatchStatus") -> tuple["BatchStatus", ...]:
        """Return the statuses from which a batch may become ``target``."""
        return tuple(status for status in cls if status.may_become(target))


# A batch that has ended may run again, and its status follows articles that are retried after its end. One that was
# cancelled follows none.
_BECOMES = {
    BatchStatus.RUNNING: {
        BatchStatus.COMPLETED,
        BatchStatus.PARTLY_FAILED,
        BatchStatus.FAILED,
        BatchStatus.CANCELLED,
        BatchStatus.STOPPED,
    },
    BatchStatus.COMPLETED: {BatchStatus.RUNNING, BatchStatus.PARTLY_FAILED, BatchStatus.FAILED},
    BatchStatus.PARTLY_FAILED: {BatchStatus.RUNNING, BatchStatus.COMPLETED, BatchStatus.FAILED},
    BatchStatus.FAILED: {BatchStatus.RUNNING, BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED},
    BatchStatus.CANCELLED: {BatchStatus.RUNNING},
    BatchStatus.STOPPED: {BatchStatus.RUNNING, BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED, BatchStatus.FAILED},
}


class Batch(BaseModel):
    """One batch with its counts.

    ``total`` is their sum plus those in progress.
    """

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
        """Return how many articles have not ended."""
        return self.total - self.needs_review - self.failed - self.cancelled

    @staticmethod
    def status_of(*, total: int, needs_review: int, cancelled: bool) -> BatchStatus:
        """Return how a batch ended.

        Failed only if it had articles and none needs a review.
        """
        if cancelled:
            return BatchStatus.CANCELLED
        if needs_review == total:
            return BatchStatus.COMPLETED
        return BatchStatus.PARTLY_FAILED if needs_review else BatchStatus.FAILED
