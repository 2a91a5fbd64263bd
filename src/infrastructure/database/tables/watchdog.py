"""Runs of the watchdog and what they found."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.alert import AlertKind

from .base import Table, one_of


class WatchRow(Table):
    """One look of the watchdog; where looks are missing, something was down."""

    __tablename__ = "watches"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    alerts: Mapped[int]  # that it raised


class AlertRow(Table):
    """A finding of the watchdog, and for how long it was one."""

    __tablename__ = "watchdog_alerts"
    __table_args__ = (
        one_of("kind", AlertKind),
        Index(
            "uq_watchdog_alerts_open",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
        Index("ix_watchdog_alerts_site_slot", "site", "slot"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    subject: Mapped[str]  # the id of what it is about; of a slot its site and time
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    slot: Mapped[datetime | None]  # of the kinds that are about one
    reason: Mapped[str | None]  # likewise: an outcome that is a gap, or a schedule warning
    detail: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())  # the first look that found it
    raised_at: Mapped[datetime | None]  # NULL: it may still be something that just starts
    until: Mapped[datetime | None]  # the first look that did not find it any more


class OldAlertRow(Table):
    """Slots without a batch, as versions before ``watchdog_alerts`` store them."""

    __tablename__ = "alerts"

    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    reason: Mapped[str]
    message: Mapped[str]
    raised_at: Mapped[datetime] = mapped_column(server_default=func.now())
