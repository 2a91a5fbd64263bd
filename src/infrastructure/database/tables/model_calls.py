"""The ledger of model calls."""

from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.ids import ArticleId, BatchId, CallId
from src.domain.stages import Stage
from src.domain.usage import CallStatus

from .base import Table, one_of


class ModelCallRow(Table):
    """The ledger: a row per call, committed before the call."""

    __tablename__ = "model_calls"
    __table_args__ = (
        one_of("stage", Stage),
        one_of("status", CallStatus),
        ForeignKeyConstraint(["article_id"], ["articles.id"], ondelete="SET NULL"),  # money spent stays on record
        Index("ix_model_calls_answer", "article_id", "revision", "stage", "prompt_hash", "round"),
        Index("ix_model_calls_opened_at", "opened_at"),
        Index("ix_model_calls_batch_id", "batch_id"),
        Index(
            "uq_model_calls_open",
            "article_id",
            "revision",
            "stage",
            "round",
            text("coalesce(question, prompt_hash)"),
            unique=True,
            postgresql_where=text(f"status = '{CallStatus.OPEN}'"),
        ),
    )

    id: Mapped[CallId] = mapped_column(primary_key=True, default=uuid4)
    article_id: Mapped[ArticleId | None]  # NULL: its site was removed
    batch_id: Mapped[BatchId | None]  # the batch that it was made for; no foreign key, since it may be removed
    site: Mapped[str]
    keyword: Mapped[str]
    revision: Mapped[int]
    stage: Mapped[str]
    prompt: Mapped[str]
    prompt_hash: Mapped[str]  # of all that was sent
    question: Mapped[str | None]  # of the texts that were sent; NULL before this column
    round: Mapped[int]
    attempt: Mapped[int]  # Temporal's, of the activity
    provider: Mapped[str]
    model: Mapped[str]  # asked for; after an answer, as the response named it
    worker: Mapped[str]  # the worker instance that holds the call
    colour: Mapped[str | None]  # the worker's; NULL before these columns
    code_version: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=CallStatus.OPEN)
    answer: Mapped[str | None]
    stop_reason: Mapped[str | None]
    request_id: Mapped[str | None]
    input_tokens: Mapped[int | None]  # cached parts included; NULL is unknown
    cache_read_tokens: Mapped[int | None]
    cache_write_tokens: Mapped[int | None]
    output_tokens: Mapped[int | None]
    cost_usd: Mapped[Decimal | None]  # NULL is unpriced, never zero
    estimated_cost_usd: Mapped[Decimal | None]  # at most so much, known before the call; NULL is unpriced
    latency_ms: Mapped[int | None]
    error_type: Mapped[str | None]
    error_message: Mapped[str | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
