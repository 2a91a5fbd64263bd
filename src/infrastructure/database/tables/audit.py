"""The audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Index,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


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
