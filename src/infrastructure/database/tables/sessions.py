"""Sessions of people in the desk, and logins that failed."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.session import Subject

from .base import Table, one_of


class SessionRow(Table):
    """A session: the hash of its id, never the id itself."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_user_id", "user_id", "address"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 in hexadecimal
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    address: Mapped[str | None]  # from which it began
    began_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime] = mapped_column(server_default=func.now())  # when the password was given last
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())  # to the minute
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # by logging out, or by a new password


class FailedLoginRow(Table):
    """How often logins failed, by name and by address."""

    __tablename__ = "failed_logins"
    __table_args__ = (one_of("kind", Subject), Index("ix_failed_logins_last_at", "last_at"))

    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)  # the name or the address
    count: Mapped[int]  # since the last time that was long enough ago
    last_at: Mapped[datetime]
