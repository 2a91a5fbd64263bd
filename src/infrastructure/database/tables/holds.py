"""Holds."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.hold import HoldDepth

from .base import Table, one_of


class HoldRow(Table):
    """What a person stopped, a site or all of them.

    Kept after its release.
    """

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
