"""The audit trail: rows are added, and the database refuses anything else."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Index,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class AuditEventRow(Table):
    """Who changed what, when, from where, from what to what.

    A trigger sets ``number`` and ``at``, also for a version that does not know them; another refuses changes.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_subject", "noun", "subject", "at"),
        Index("ix_audit_events_site", "site", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)  # from 1, without holes
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    who: Mapped[str]
    token: Mapped[str | None]  # as person/token
    origin: Mapped[str | None]  # domain.principal.Origin; NULL: written by a version that did not know
    address: Mapped[str | None]
    action: Mapped[str]
    noun: Mapped[str]
    subject: Mapped[str]  # a site's slug, an id; kept when the site goes
    site: Mapped[str | None]  # NULL: no site or all
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
