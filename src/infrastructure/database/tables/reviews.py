"""Reviews of articles, what was decided, and what reviewers leave."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId
from src.domain.review import CommentId, DecisionId, DecisionKind, KeywordAfter

from .base import Table, one_of


class ReviewRow(Table):
    """The review of an article.

    What was decided stands in the article's status.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        one_of("status", ArticleStatus),
        Index("ix_reviews_status", "status", "waiting_since", "article_id"),  # the queue, in its order
        Index("ix_reviews_site_status", "site", "status", "waiting_since", "article_id"),
        Index(
            "ix_reviews_assignee",
            *("assignee", "status", "waiting_since", "article_id"),
            postgresql_where=text("assignee IS NOT NULL"),
        ),
        Index("ix_reviews_claimed_until", "claimed_until", postgresql_where=text("claimed_until IS NOT NULL")),
    )

    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    site: Mapped[str]  # of the article, as the status: triggers keep both, for the indexes
    status: Mapped[str]
    waiting_since: Mapped[datetime] = mapped_column(server_default=func.now())  # of its newest text
    assignee: Mapped[str | None]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]  # ten minutes after his last step
    snoozed_until: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]  # when the watchdog last saw its workflow run


class ReviewDecisionRow(Table):
    """A decision. Written once; what was done with it is noted."""

    __tablename__ = "review_decisions"
    __table_args__ = (
        one_of("kind", DecisionKind),
        one_of("from_status", ArticleStatus),
        one_of("to_status", ArticleStatus),
        one_of("keyword", KeywordAfter),
        UniqueConstraint("article_id", "number"),
        UniqueConstraint("article_id", "idempotency_key"),
        ForeignKeyConstraint(
            ["article_id", "revision"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
        ),
        Index(
            "uq_review_decisions_stage_revision",  # a request is carried out once
            *("article_id", "stage_revision"),
            unique=True,
            postgresql_where=text("stage_revision IS NOT NULL"),
        ),
        Index("ix_review_decisions_not_taken_up", "at", postgresql_where=text("taken_up_at IS NULL")),
    )

    id: Mapped[DecisionId] = mapped_column(primary_key=True, default=uuid4)
    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    number: Mapped[int]  # of the article, from 1
    kind: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    reason: Mapped[str | None]  # a code of the kind's reasons
    note: Mapped[str | None]
    section: Mapped[str | None]
    span: Mapped[str | None]
    revision: Mapped[int]  # that it was made on
    from_status: Mapped[str]
    to_status: Mapped[str]
    from_hash: Mapped[str]
    to_hash: Mapped[str]
    keyword: Mapped[str | None]  # of a rejection
    until: Mapped[datetime | None]  # of a snooze
    idempotency_key: Mapped[str | None]
    renderer_version: Mapped[int | None]  # of the code that showed the page; NULL: a version before that was noted
    taken_up_at: Mapped[datetime | None]  # by the review's workflow
    stage_revision: Mapped[int | None]  # of a request for changes: articles.revision that makes them


class CommentRow(Table):
    """What somebody says about a block of a text."""

    __tablename__ = "comments"
    __table_args__ = (
        Index("ix_comments_article_id", "article_id", "at"),
        ForeignKeyConstraint(
            ["article_id", "revision"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
        ),
    )

    id: Mapped[CommentId] = mapped_column(primary_key=True, default=uuid4)
    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    revision: Mapped[int]
    block: Mapped[str | None]  # the section's id
    span: Mapped[str | None]  # the words of it that the comment is about
    by: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]


class SeenBlockRow(Table):
    """A block as somebody has seen it.

    It is unseen when the block changes.
    """

    __tablename__ = "seen_blocks"

    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    block: Mapped[str] = mapped_column(primary_key=True)  # the section's id; empty: what stands before the first
    hash: Mapped[str]  # of the block
    at: Mapped[datetime] = mapped_column(server_default=func.now())
