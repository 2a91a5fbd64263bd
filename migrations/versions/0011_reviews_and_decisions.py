"""Reviews of articles, decisions, comments, and what was seen.

Revision 0011, after 0010, written 2026-11-30. Reviews of articles that wait are made when their workflow starts, which
the watchdog sees to.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_STATUSES = (
    "'queued', 'generating', 'needs_review', 'changes_requested', 'approved', 'rejected', 'parked', 'withdrawn', "
    "'failed', 'cancelled'"
)
_KINDS = "'approve', 'request_changes', 'reject', 'edit', 'snooze', 'withdraw', 'restore', 'park'"
_OLD_ALERTS = (
    "'slot_missing', 'slot_at_risk', 'batch_gone', 'article_gone', 'longtail_stranded', 'call_lost', 'batch_overdue'"
)


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("waiting_since", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("snoozed_until", _TIME, nullable=True),
        sa.Column("reminded_at", _TIME, nullable=True),
        sa.Column("checked_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_reviews_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_reviews")),
    )
    op.create_index("ix_reviews_waiting_since", "reviews", ["waiting_since", "article_id"])
    _create_decisions()
    _create_what_reviewers_leave()
    _replace_alert_kinds(f"{_OLD_ALERTS}, 'review_waiting', 'workflow_stuck'")


def _create_decisions() -> None:
    op.create_table(
        "review_decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("section", sa.Text(), nullable=True),
        sa.Column("span", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("from_hash", sa.Text(), nullable=False),
        sa.Column("to_hash", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=True),
        sa.Column("until", _TIME, nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("taken_up_at", _TIME, nullable=True),
        sa.Column("stage_revision", sa.Integer(), nullable=True),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name=op.f("ck_review_decisions_kind")),
        sa.CheckConstraint(f"from_status IN ({_STATUSES})", name=op.f("ck_review_decisions_from_status")),
        sa.CheckConstraint(f"to_status IN ({_STATUSES})", name=op.f("ck_review_decisions_to_status")),
        sa.CheckConstraint("keyword IN ('later', 'never')", name=op.f("ck_review_decisions_keyword")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_review_decisions_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id", "revision"],
            ["article_revisions.article_id", "article_revisions.number"],
            name=op.f("fk_review_decisions_article_id_revision"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_decisions")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_review_decisions_article_id_number")),
        sa.UniqueConstraint(
            "article_id", "idempotency_key", name=op.f("uq_review_decisions_article_id_idempotency_key")
        ),
    )
    op.create_index(
        "uq_review_decisions_stage_revision",
        "review_decisions",
        ["article_id", "stage_revision"],
        unique=True,
        postgresql_where=sa.text("stage_revision IS NOT NULL"),
    )
    op.create_index(
        "ix_review_decisions_not_taken_up",
        "review_decisions",
        ["at"],
        postgresql_where=sa.text("taken_up_at IS NULL"),
    )


def _create_what_reviewers_leave() -> None:
    op.create_table(
        "comments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("block", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_comments_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id", "revision"],
            ["article_revisions.article_id", "article_revisions.number"],
            name=op.f("fk_comments_article_id_revision"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comments")),
    )
    op.create_index("ix_comments_article_id", "comments", ["article_id", "at"])
    op.create_table(
        "seen_blocks",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_seen_blocks_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "person", "block", name=op.f("pk_seen_blocks")),
    )


def _replace_alert_kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_watchdog_alerts_kind"), "watchdog_alerts")
    op.create_check_constraint(op.f("ck_watchdog_alerts_kind"), "watchdog_alerts", f"kind IN ({kinds})")


def downgrade() -> None:
    op.execute("DELETE FROM watchdog_alerts WHERE kind = 'review_waiting'")
    _replace_alert_kinds(f"{_OLD_ALERTS}, 'workflow_stuck'")
    op.drop_table("seen_blocks")
    op.drop_table("comments")
    op.drop_table("review_decisions")
    op.drop_table("reviews")
