"""Which colour takes new work, and how it came to that."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.deployment import DeploymentKind, DeploymentStatus

from .base import Table, one_of


class RoutingRow(Table):
    """Where new work starts: one row, whose lock serialises deployments."""

    __tablename__ = "routing"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("canary_share BETWEEN 1 AND 99", name="canary_share"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    active_colour: Mapped[str]
    canary_colour: Mapped[str | None]
    canary_share: Mapped[int | None]  # percent of the articles
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_by: Mapped[str]
    oldest_code: Mapped[str | None]  # the last contract migration: code that does not know it cannot use the database


class DeploymentRow(Table):
    """A promote, drain or rollback, with its steps; one is open."""

    __tablename__ = "deployments"
    __table_args__ = (
        one_of("kind", DeploymentKind),
        one_of("status", DeploymentStatus),
        Index(
            "uq_deployments_open",
            text("(ended_at IS NULL)"),
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_deployments_started_at", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str]
    colour: Mapped[str]  # that is promoted, drained, or gone back to
    from_colour: Mapped[str]  # the other one
    status: Mapped[str]
    reason: Mapped[str | None]  # why it holds or was refused
    options: Mapped[dict[str, Any]]
    steps: Mapped[dict[str, Any]]  # step -> what was done, with its time
    runner: Mapped[str | None]  # the process that carries it out
    runner_seen_at: Mapped[datetime | None]
    started_by: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
