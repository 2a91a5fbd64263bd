"""An article: one longtail on its way from claimed to reviewed, and the place where it stopped if it did."""

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from .stages import Stage


class ArticleStatus(StrEnum):
    """How far an article got."""

    QUEUED = "queued"  # claimed by a batch, nothing bought yet
    GENERATING = "generating"
    NEEDS_REVIEW = "needs_review"  # all four stages done, the HTML is stored
    FAILED = "failed"  # a stage gave up; a retry goes on there
    CANCELLED = "cancelled"  # stopped by a person; its longtail is ready again


class ArticleRef(BaseModel):
    """What every stage of one article must know of it; travels through workflow history."""

    model_config = ConfigDict(frozen=True)

    article_id: UUID
    site: str
    keyword: str
    revision: int = 1


class Failure(BaseModel):
    """Where an article stopped, and why."""

    model_config = ConfigDict(frozen=True)

    stage: Stage | None  # None: outside the stages
    error_type: str  # a class name of domain.errors, or what Temporal calls it
    message: str
    attempts: int
