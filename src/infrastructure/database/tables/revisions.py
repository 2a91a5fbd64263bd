"""Revisions of articles and what was found in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.finding import Severity
from src.domain.ids import ArticleId
from src.domain.revision import MadeBy

from .base import Table, one_of


class ArticleRevisionRow(Table):
    """One text of an article. Written once, never changed."""

    __tablename__ = "article_revisions"
    __table_args__ = (
        one_of("made_by", MadeBy),
        CheckConstraint("(made_by = 'human') = (author IS NOT NULL)", name="author"),
        CheckConstraint("(made_by = 'machine') = (stage_revision IS NOT NULL)", name="stage_revision"),
        ForeignKeyConstraint(
            ["article_id", "parent"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
        ),
        Index(
            "uq_article_revisions_stage_revision",  # a step that is repeated stores nothing twice
            *("article_id", "stage_revision"),
            unique=True,
            postgresql_where=text("stage_revision IS NOT NULL"),
        ),
    )

    article_id: Mapped[ArticleId] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # of machine and human ones, from 1
    content: Mapped[dict[str, Any]]  # domain.content.Content as JSON
    content_hash: Mapped[str]
    made_by: Mapped[str]
    author: Mapped[str | None]
    parent: Mapped[int | None]
    stage_revision: Mapped[int | None]  # articles.revision whose stage outputs it was made of
    renderer_version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FindingRow(Table):
    """What a rule found in a revision, and whether it was waived."""

    __tablename__ = "findings"
    __table_args__ = (
        one_of("severity", Severity),
        CheckConstraint(
            "(waived_at IS NULL) = (waived_by IS NULL) AND (waived_at IS NULL) = (waived_reason IS NULL)", name="waived"
        ),
        ForeignKeyConstraint(
            ["article_id", "revision"], ["article_revisions.article_id", "article_revisions.number"], ondelete="CASCADE"
        ),
    )

    article_id: Mapped[ArticleId] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # in the order of finding, from 0
    rule: Mapped[str]
    rule_version: Mapped[int]
    severity: Mapped[str]
    message: Mapped[str]
    block: Mapped[str | None]  # the section's id
    span: Mapped[str | None]
    value: Mapped[float | None]
    limit: Mapped[float | None]
    waived_by: Mapped[str | None]
    waived_reason: Mapped[str | None]
    waived_at: Mapped[datetime | None]
