"""Batches."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.batch import BatchStatus, Trigger
from src.domain.ids import BatchId

from .base import Table, one_of


class BatchRow(Table):
    """The articles of one site for one slot."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("site", "slot"),
        one_of("trigger", Trigger),
        one_of("status", BatchStatus),
        Index("ix_batches_slot", "slot", "id"),  # the list of all sites, read from its end
        Index("ix_batches_running", "site", postgresql_where=text(f"status = '{BatchStatus.RUNNING}'")),
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
