"""Publications of articles."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.ids import ArticleId
from src.domain.publishing import PublicationId, PublicationStatus, TargetName

from .base import Table, one_of


def _in(*statuses: PublicationStatus) -> str:
    return f"status IN ({', '.join(repr(status.value) for status in statuses)})"


OPEN = _in(*(status for status in PublicationStatus if status.is_open))
_LIVE = _in(*(status for status in PublicationStatus if status.is_live), PublicationStatus.TAKING_OFF)
_ON_ITS_ADDRESS = _in(*(status for status in PublicationStatus if status.is_open or status.is_live))


class PublicationRow(Table):
    """An approved text on its way to a target, or there.

    Its page is kept whatever becomes of it."""

    __tablename__ = "publications"
    __table_args__ = (
        one_of("target", TargetName),
        one_of("status", PublicationStatus),
        ForeignKeyConstraint(
            ["article_id", "revision"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
        ),
        # One on its way and one there, whatever is repeated.
        Index("uq_publications_open", "article_id", "target", unique=True, postgresql_where=text(OPEN)),
        Index("uq_publications_live", "article_id", "target", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_publications_article_id", "article_id", "created_at"),
        Index("ix_publications_address", "site", "target", "path", postgresql_where=text(_ON_ITS_ADDRESS)),
        Index("ix_publications_due_at", "due_at", postgresql_where=text(OPEN)),
    )

    id: Mapped[PublicationId] = mapped_column(primary_key=True, default=uuid4)
    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    target: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=PublicationStatus.SCHEDULED)
    revision: Mapped[int]
    content_hash: Mapped[str]
    path: Mapped[str]
    canonical: Mapped[str]
    reviewer: Mapped[str]  # as the page names the person
    approved_at: Mapped[datetime]
    requested_by: Mapped[str]
    forced: Mapped[str | None]  # why text of the offline writer goes out
    due_at: Mapped[datetime]
    published_at: Mapped[datetime]
    modified_at: Mapped[datetime]
    page: Mapped[bytes]  # zlib
    page_hash: Mapped[str]  # SHA-256 of it, unpacked
    live_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
