"""Articles: statuses, failures and counts."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, computed_field

from .ids import ArticleId, BatchId
from .longtail import LongtailStatus
from .stages import Stage
from .usage import Spend


class ArticleStatus(StrEnum):
    """Progress of an article."""

    QUEUED = "queued"  # claimed by a batch, nothing bought yet
    GENERATING = "generating"
    NEEDS_REVIEW = "needs_review"  # all four stages done, a revision is stored
    CHANGES_REQUESTED = "changes_requested"  # by a reviewer; the next revision awaits a review again
    APPROVED = "approved"  # by name, and only the revision with that hash
    REJECTED = "rejected"  # for good; its keyword may get another article
    PARKED = "parked"  # put aside by a person, or nobody reviewed it in time
    WITHDRAWN = "withdrawn"  # approved once, and taken back
    FAILED = "failed"  # a stage failed for good; a retry resumes there
    CANCELLED = "cancelled"  # stopped by a person; its longtail is ready again

    def may_become(self, other: "ArticleStatus") -> bool:
        """Return whether an article in this status may change to ``other``.

        Keeping the status is always allowed.
        """
        return other is self or other in _TABLE[self].becomes

    @classmethod
    def sources(cls, target: "ArticleStatus") -> tuple["ArticleStatus", ...]:
        """Return the statuses from which an article may become ``target``."""
        return tuple(status for status in cls if status.may_become(target))

    @property
    def keyword_statuses(self) -> tuple[LongtailStatus, ...]:
        """Return what its longtail may be meanwhile, the usual first."""
        return _TABLE[self].keyword

    @property
    def is_decided(self) -> bool:
        """Return whether a review brought it here; no stage leads out again."""
        return self in _DECIDED

    @property
    def is_editable(self) -> bool:
        """Return whether a person may change its text."""
        return self in _EDITABLE

    @property
    def is_complete(self) -> bool:
        """Return whether its text is complete, reviewed or not."""
        return self is ArticleStatus.NEEDS_REVIEW or self.is_decided


@dataclass(frozen=True)
class _Row:
    becomes: set[ArticleStatus]
    keyword: tuple[LongtailStatus, ...]


_DECIDED = (
    ArticleStatus.CHANGES_REQUESTED,
    ArticleStatus.APPROVED,
    ArticleStatus.REJECTED,
    ArticleStatus.PARKED,
    ArticleStatus.WITHDRAWN,
)
_EDITABLE = (
    ArticleStatus.NEEDS_REVIEW,
    ArticleStatus.CHANGES_REQUESTED,
    ArticleStatus.APPROVED,
    ArticleStatus.PARKED,
)
# Who may become what, and what the keyword is meanwhile: taken, or ready for another article.
_TABLE = {
    ArticleStatus.QUEUED: _Row(
        {
            ArticleStatus.GENERATING,
            ArticleStatus.NEEDS_REVIEW,  # every stage was finished before
            ArticleStatus.FAILED,
            ArticleStatus.CANCELLED,
        },
        (LongtailStatus.CLAIMED,),
    ),
    ArticleStatus.GENERATING: _Row(
        {ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED, ArticleStatus.CANCELLED}, (LongtailStatus.CLAIMED,)
    ),
    ArticleStatus.NEEDS_REVIEW: _Row(
        {
            ArticleStatus.QUEUED,  # as a new revision
            ArticleStatus.CHANGES_REQUESTED,
            ArticleStatus.APPROVED,
            ArticleStatus.REJECTED,
            ArticleStatus.PARKED,
        },
        (LongtailStatus.WRITTEN,),
    ),
    ArticleStatus.CHANGES_REQUESTED: _Row(
        {
            ArticleStatus.QUEUED,  # as a new revision
            ArticleStatus.NEEDS_REVIEW,  # a person made the changes, or took the request back
        },
        (LongtailStatus.WRITTEN,),
    ),
    ArticleStatus.APPROVED: _Row(
        {
            ArticleStatus.WITHDRAWN,
            ArticleStatus.NEEDS_REVIEW,  # a person changed the text: nobody approved that one
        },
        (LongtailStatus.WRITTEN,),
    ),
    ArticleStatus.REJECTED: _Row(set(), (LongtailStatus.WRITTEN, LongtailStatus.READY)),  # never again, or later
    ArticleStatus.PARKED: _Row({ArticleStatus.NEEDS_REVIEW}, (LongtailStatus.WRITTEN,)),
    ArticleStatus.WITHDRAWN: _Row({ArticleStatus.NEEDS_REVIEW}, (LongtailStatus.WRITTEN,)),  # restored: judged anew
    ArticleStatus.FAILED: _Row(
        {
            ArticleStatus.QUEUED,
            # The rest is for a workflow that was reset in Temporal.
            ArticleStatus.GENERATING,
            ArticleStatus.NEEDS_REVIEW,
            ArticleStatus.CANCELLED,
        },
        (LongtailStatus.FAILED,),
    ),
    ArticleStatus.CANCELLED: _Row({ArticleStatus.QUEUED}, (LongtailStatus.READY,)),
}


class ArticleRef(BaseModel):
    """Identity of an article, as every stage needs it.

    Travels through workflow history.
    """

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    site: str
    keyword: str
    revision: int = Field(default=1, description="Of the stages; revisions of the text have a number of their own.")


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
    stage_revision: int = Field(description="The pass through its stages; revisions of the text have their own number.")
    stages_done: tuple[Stage, ...]
    failure: Failure | None
    words: int | None
    models: tuple[str, ...]  # provider:model of each finished stage, without repeats
    offline: bool
    spend: Spend
    page_hash: str | None = Field(
        description="SHA-256 of the page as the stages made it. Decisions name the content_hash of a text instead."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @computed_field(  # type: ignore[prop-decorator] # mypy does not know it above a property
        description="Deprecated: stage_revision.", json_schema_extra={"deprecated": True}
    )
    @property
    def revision(self) -> int:
        """Return the stage revision under its first name, which scripts may read."""
        return self.stage_revision

    @computed_field(  # type: ignore[prop-decorator] # likewise
        description="Deprecated: page_hash.", json_schema_extra={"deprecated": True}
    )
    @property
    def content_hash(self) -> str | None:
        """Return the page's hash under its first name, which scripts may read."""
        return self.page_hash

    @property
    def seconds(self) -> float | None:
        """From the first call to the end, if it ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()
