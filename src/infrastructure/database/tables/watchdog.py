"""Runs of the watchdog and what they found."""

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


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
