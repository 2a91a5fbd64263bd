"""Articles and the outputs of their stages."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId, BatchId, LongtailId
from src.domain.stages import Stage

from .base import Table, one_of


class ArticleRow(Table):
    """An article of one longtail, and how far it got.

    A later batch takes an unfinished one up.
    """

    __tablename__ = "articles"
    __table_args__ = (
        one_of("status", ArticleStatus),
        one_of("failed_stage", Stage),
        Index("ix_articles_site_status", "site", "status"),
        Index("ix_articles_batch_id", "batch_id"),
        Index("ix_articles_created_at", "created_at", "id"),  # lists, read from their end
        Index("ix_articles_site_created_at", "site", "created_at", "id"),
        Index("ix_articles_longtail_id", "longtail_id", "created_at"),
        Index(
            "uq_articles_live",
            "longtail_id",
            unique=True,
            postgresql_where=text(f"status IN ('{ArticleStatus.QUEUED}', '{ArticleStatus.GENERATING}')"),
        ),
    )

    id: Mapped[ArticleId] = mapped_column(primary_key=True, default=uuid4)
    batch_id: Mapped[BatchId] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))  # the latest that had it
    longtail_id: Mapped[LongtailId] = mapped_column(ForeignKey("longtails.id", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    keyword: Mapped[str]
    brief: Mapped[dict[str, Any]]  # domain.article.Brief as JSON: what it is written from, frozen when it was made
    status: Mapped[str] = mapped_column(server_default=ArticleStatus.QUEUED)
    revision: Mapped[int] = mapped_column(server_default="1")  # of the stages, not of the text
    failed_stage: Mapped[str | None]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    attempts: Mapped[int | None]
    html: Mapped[str | None]  # the complete page; revisions have it too, this is for the version before them
    content_hash: Mapped[str | None]  # SHA-256 of html; that of a text is in its revision
    words: Mapped[int | None]
    offline: Mapped[bool] = mapped_column(server_default=text("false"))  # any stage by the offline writer
    colour: Mapped[str | None]  # whose worker ended it; NULL before this column
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class BatchArticleRow(Table):
    """An article of a batch, and what came of it there."""

    __tablename__ = "batch_articles"
    __table_args__ = (
        CheckConstraint("outcome IN ('needs_review', 'failed', 'cancelled')", name="outcome"),
        Index("ix_batch_articles_article_id", "article_id"),
    )

    batch_id: Mapped[BatchId] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int]  # within the batch, from 0
    outcome: Mapped[str | None]  # how the article ended in this batch; NULL: it has not


class StageFailureRow(Table):
    """Failures of a stage since its article was started."""

    __tablename__ = "stage_failures"
    __table_args__ = (one_of("stage", Stage),)

    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # domain.stage_failure.FailureKind
    failures: Mapped[int]
    error_type: Mapped[str]  # of the last one
    message: Mapped[str]
    first_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StageOutputRow(Table):
    """What a stage handed on. Written once, never changed."""

    __tablename__ = "stage_outputs"
    __table_args__ = (one_of("stage", Stage),)

    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    artefact: Mapped[dict[str, Any]]
    prompt: Mapped[str]  # file and version
    prompt_hash: Mapped[str]
    provider: Mapped[str]
    model: Mapped[str]  # as the response named it
    idempotency_key: Mapped[str]  # workflow id / run id / activity id
    worker: Mapped[str | None]  # the instance that made it; NULL before these columns
    colour: Mapped[str | None]
    code_version: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
