"""Longtails."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import (
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.ids import LongtailId
from src.domain.longtail import LongtailStatus

from .base import Table, one_of


class LongtailRow(Table):
    """One keyword of a site."""

    __tablename__ = "longtails"
    __table_args__ = (
        UniqueConstraint("site", "key"),
        UniqueConstraint("site", "slug"),
        one_of("status", LongtailStatus),
        Index(
            "ix_longtails_next",
            "site",
            text("priority DESC"),
            "number",
            postgresql_where=text(f"status = '{LongtailStatus.READY}'"),
        ),
        Index("ix_longtails_order", "site", text("priority DESC"), "number"),  # the list of all of them
        Index("ix_longtails_claimed", "site", postgresql_where=text(f"status = '{LongtailStatus.CLAIMED}'")),
    )

    id: Mapped[LongtailId] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[int] = mapped_column(Identity())  # order of import
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    phrase: Mapped[str]
    key: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    volume: Mapped[int | None]
    difficulty: Mapped[float | None]
    intent: Mapped[str | None]
    source: Mapped[str]  # the file it came from
    status: Mapped[str] = mapped_column(server_default=LongtailStatus.READY)
    reason: Mapped[str | None]
    slug: Mapped[str | None]  # of its address, for all its articles; NULL until stage D first answered
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
