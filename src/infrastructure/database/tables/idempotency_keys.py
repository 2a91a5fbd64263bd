"""Requests that are carried out once, however often they arrive."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class IdempotencyKeyRow(Table):
    """A key that somebody gave a request, and the answer."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_claimed_at", "claimed_at"),)

    person: Mapped[str] = mapped_column(primary_key=True)  # keys of different people never meet
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]  # SHA-256 of the request, in hexadecimal
    claimed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]  # NULL: it is being carried out, or its process died
    status: Mapped[int | None]
    headers: Mapped[dict[str, Any] | None]
    body: Mapped[str | None]  # NULL with a status: the answer held a secret
