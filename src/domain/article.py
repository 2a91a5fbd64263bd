"""Articles: statuses, failures and counts."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from .ids import ArticleId, BatchId
from .stages import Stage
from .usage import Spend


class ArticleStatus(StrEnum):
    """Progress of an article."""

    QUEUED = "queued"  # claimed by a batch, nothing bought yet
    GENERATING = "generating"
    NEEDS_REVIEW = "needs_review"  # all four stages done, the HTML is stored
    FAILED = "failed"  # a stage failed for good; a retry resumes there
    CANCELLED = "cancelled"  # stopped by a person; its longtail is ready again

    def may_become(self, other: "ArticleStatus") -> bool:
        """Return whether an article in this status may change to ``other``.

        Keeping the status is always allowed.
        """
        return other is self or other in _BECOMES[self]

    @classmethod
    def sources(cls, target: "ArticleStatus") -> tuple["ArticleStatus", ...]:
        """Return the statuses from which an article may become ``target``."""
        return tuple(status for status in cls if status.may_become(target))


_BECOMES = {
    ArticleStatus.QUEUED: {
        ArticleStatus.GENERATING,
        ArticleStatus.NEEDS_REVIEW,  # every stage was finished before
        ArticleStatus.FAILED,
        ArticleStatus.CANCELLED,
    },
    ArticleStatus.GENERATING: {ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED, ArticleStatus.CANCELLED},
    ArticleStatus.NEEDS_REVIEW: {ArticleStatus.QUEUED},  # as a new revision
    ArticleStatus.FAILED: {
        ArticleStatus.QUEUED,
        # The rest is for a workflow that was reset in Temporal.
        ArticleStatus.GENERATING,
        ArticleStatus.NEEDS_REVIEW,
        ArticleStatus.CANCELLED,
    },
    ArticleStatus.CANCELLED: {ArticleStatus.QUEUED},
}


class ArticleRef(BaseModel):
    """Identity of an article, as every stage needs it.

    Travels through workflow history.
    """

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    site: str
    keyword: str
    revision: int = 1


class Failure(BaseModel):
    """Stage at which an article stopped, and the reason."""

    model_config = ConfigDict(frozen=True)

    stage: Stage | None  # None: outside the stages
    error_type: str  # a class name of domain.errors, or what Temporal calls it
    message: str
    attempts: int


class Article(BaseModel):
    """An article as lists and pages show it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: ArticleId
    batch_id: BatchId
    site: str
    keyword: str
    status: ArticleStatus
    revision: int
    stages_done: tuple[Stage, ...]
    failure: Failure | None
    words: int | None
    models: tuple[str, ...]  # provider:model of each finished stage, without repeats
    offline: bool
    spend: Spend
    content_hash: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """From the first call to the end, if it ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
