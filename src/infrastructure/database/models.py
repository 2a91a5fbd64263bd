"""The tables. Their unique keys are what makes every step of a batch safe to repeat.

Status columns are text with a named CHECK, so that a new status is an ordinary migration.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.hold import HoldDepth
from src.domain.ids import ArticleId, BackfillId, BatchId, CallId, LongtailId
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.domain.usage import CallStatus


class Table(DeclarativeBase):
    """Names every constraint, so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this as a class attribute
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        Decimal: Numeric(14, 8),
        ArticleId: Uuid(),
        BackfillId: Uuid(),
        BatchId: Uuid(),
        CallId: Uuid(),
        LongtailId: Uuid(),
    }


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A CHECK named after its column that allows the enumeration's values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


class SiteRow(Table):
    """One site as its file described it last."""

    __tablename__ = "sites"

    slug: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[dict[str, Any]]  # domain.site.Site as JSON
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LongtailRow(Table):
    """One keyword of a site."""

    __tablename__ = "longtails"
    __table_args__ = (
        UniqueConstraint("site", "key"),
        one_of("status", LongtailStatus),
        Index("ix_longtails_next", "site", text("priority DESC"), "number", postgresql_where=text("status = 'ready'")),
    )

    id: Mapped[LongtailId] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(Identity())  # order of import
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    phrase: Mapped[str]
    key: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    volume: Mapped[int | None]
    difficulty: Mapped[float | None]
    intent: Mapped[str | None]
    source: Mapped[str]  # the file it came from
    status: Mapped[str] = mapped_column(server_default=LongtailStatus.READY)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BatchRow(Table):
    """The articles of one site for one slot."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("site", "slot"),
        one_of("trigger", Trigger),
        one_of("status", BatchStatus),
    )

    id: Mapped[BatchId] = mapped_column(primary_key=True, default=uuid4)
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    slot: Mapped[datetime]  # the nominal time in UTC, not when it happened to start
    trigger: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=BatchStatus.RUNNING)
    colour: Mapped[str]
    workflow_id: Mapped[str]
    run_id: Mapped[str]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


class ArticleRow(Table):
    """One longtail in one batch, and how far it got."""

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("batch_id", "longtail_id"),
        one_of("status", ArticleStatus),
        one_of("failed_stage", Stage),
        Index("ix_articles_site_status", "site", "status"),
        Index("ix_articles_longtail_id", "longtail_id"),
    )

    id: Mapped[ArticleId] = mapped_column(primary_key=True, default=uuid4)
    batch_id: Mapped[BatchId] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    longtail_id: Mapped[LongtailId] = mapped_column(ForeignKey("longtails.id", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    keyword: Mapped[str]
    position: Mapped[int]  # within the batch, from 0
    status: Mapped[str] = mapped_column(server_default=ArticleStatus.QUEUED)
    revision: Mapped[int] = mapped_column(server_default="1")
    failed_stage: Mapped[str | None]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    attempts: Mapped[int | None]
    html: Mapped[str | None]  # the complete page
    content_hash: Mapped[str | None]  # SHA-256 of html
    words: Mapped[int | None]
    offline: Mapped[bool] = mapped_column(server_default=text("false"))  # any stage by the offline writer
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


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
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ModelCallRow(Table):
    """The ledger: one row per call, committed before the call is made, closed with what came of it."""

    __tablename__ = "model_calls"
    __table_args__ = (
        one_of("stage", Stage),
        one_of("status", CallStatus),
        ForeignKeyConstraint(["article_id"], ["articles.id"], ondelete="CASCADE"),
        Index("ix_model_calls_answer", "article_id", "revision", "stage", "prompt_hash", "round"),
        Index("ix_model_calls_opened_at", "opened_at"),
    )

    id: Mapped[CallId] = mapped_column(primary_key=True, default=uuid4)
    article_id: Mapped[ArticleId]
    revision: Mapped[int]
    stage: Mapped[str]
    prompt: Mapped[str]
    prompt_hash: Mapped[str]
    round: Mapped[int]
    attempt: Mapped[int]  # Temporal's, of the activity
    provider: Mapped[str]
    model: Mapped[str]  # asked for; after an answer, as the response named it
    worker: Mapped[str]  # the worker instance that holds the call
    status: Mapped[str] = mapped_column(server_default=CallStatus.OPEN)
    answer: Mapped[str | None]
    stop_reason: Mapped[str | None]
    request_id: Mapped[str | None]
    input_tokens: Mapped[int | None]  # cached parts included; NULL is unknown
    cache_read_tokens: Mapped[int | None]
    cache_write_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cost_usd: Mapped[Decimal | None]  # NULL is unpriced, never zero
    latency_ms: Mapped[int | None]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


class SiteScheduleRow(Table):
    """What a site's schedule is wanted to be; Temporal's copy is written from it and compared with it."""

    __tablename__ = "site_schedules"

    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"), primary_key=True)
    wanted: Mapped[dict[str, Any]]  # domain.schedule.Schedule as JSON
    colour: Mapped[str]
    written: Mapped[dict[str, Any]]  # what Temporal showed right after it was written
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SchedulePauseRow(Table):
    """An interval in which a site's schedule was paused."""

    __tablename__ = "schedule_pauses"
    __table_args__ = (
        Index("uq_schedule_pauses_lasting", "site", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_by: Mapped[str]
    note: Mapped[str]
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class BackfillSlotRow(Table):
    """A slot that an operator asked to be made up; its batch learns from here that it is a backfill."""

    __tablename__ = "backfill_slots"
    __table_args__ = (Index("ix_backfill_slots_slot", "site", "slot"),)

    backfill_id: Mapped[BackfillId] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    articles: Mapped[int | None]  # at most; NULL: the site's articles_per_batch
    force: Mapped[bool] = mapped_column(server_default=text("false"))
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    stopped_at: Mapped[datetime | None]  # from then on it opens no batch


class AuditEventRow(Table):
    """Who changed what, when, from what to what."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "noun", "subject", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    who: Mapped[str]
    action: Mapped[str]
    noun: Mapped[str]
    subject: Mapped[str]  # a site's slug; kept when the site goes
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]


class WatchRow(Table):
    """One look of the watchdog; where looks are missing, something was down."""

    __tablename__ = "watches"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    alerts: Mapped[int]  # that it raised


class AlertRow(Table):
    """An expected slot without a batch, found by the watchdog."""

    __tablename__ = "alerts"

    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[str]
    message: Mapped[str]
    raised_at: Mapped[datetime] = mapped_column(server_default=func.now())


class HoldRow(Table):
    """What a person stopped, a site or all of them; kept after its release."""

    __tablename__ = "holds"
    __table_args__ = (
        one_of("depth", HoldDepth),
        Index(
            "uq_holds_lasting",
            "site",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))  # NULL: all sites
    depth: Mapped[str]
    note: Mapped[str]
    version: Mapped[int]  # of the last change to it; higher than that of every earlier change to any hold
    held_by: Mapped[str]
    held_at: Mapped[datetime] = mapped_column(server_default=func.now())
    released_by: Mapped[str | None]
    released_at: Mapped[datetime | None]
