"""Articles outlive batches; one purchase a question; workers on record.

Revision 0005, after 0004, written 2026-11-27.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BATCH_STATUS = "status IN ('running', 'completed', 'partly_failed', 'failed', 'cancelled', 'stopped')"
_OLD_BATCH_STATUS = "status IN ('running', 'completed', 'partly_failed', 'failed', 'cancelled')"

# Until now a terminated batch could leave two articles of one longtail under way: the newest goes on.
_ONE_LIVE_ARTICLE = """
UPDATE articles SET status = 'cancelled', finished_at = now()
WHERE status IN ('queued', 'generating') AND EXISTS (
    SELECT FROM articles AS newer
    WHERE newer.longtail_id = articles.longtail_id AND newer.status IN ('queued', 'generating')
      AND (newer.created_at, newer.id) > (articles.created_at, articles.id))
"""
# Nor may an article go on whose longtail another one finished meanwhile, or that nobody holds.
_NO_SECOND_PAGE = """
UPDATE articles SET status = 'cancelled', finished_at = now() FROM longtails
WHERE longtails.id = articles.longtail_id AND longtails.status = 'written'
  AND articles.status IN ('queued', 'generating')
"""
_CLAIM_FOR_LIVE_ARTICLES = """
UPDATE longtails SET status = 'claimed', reason = NULL
WHERE status IN ('ready', 'failed') AND EXISTS (
    SELECT FROM articles WHERE articles.longtail_id = longtails.id AND articles.status IN ('queued', 'generating'))
"""
_FILL_BATCH_ARTICLES = """
INSERT INTO batch_articles (batch_id, article_id, position, outcome)
SELECT batch_id, id, position, CASE WHEN status IN ('needs_review', 'failed', 'cancelled') THEN status END
FROM articles
"""
_FILL_BRIEFS = """
UPDATE articles SET brief = jsonb_build_object(
    'date', articles.created_at::date, 'volume', longtails.volume, 'difficulty', longtails.difficulty,
    'intent', longtails.intent, 'site', sites.description)
FROM longtails, sites WHERE longtails.id = articles.longtail_id AND sites.slug = articles.site
"""
_FILL_CALLS = """
UPDATE model_calls SET site = articles.site, keyword = articles.keyword, batch_id = articles.batch_id
FROM articles WHERE articles.id = model_calls.article_id
"""
# A question that was asked twice at once, by an attempt whose worker was believed dead.
_ONE_OPEN_CALL = """
UPDATE model_calls SET status = 'lost', closed_at = now()
WHERE status = 'open' AND EXISTS (
    SELECT FROM model_calls AS newer
    WHERE (newer.article_id, newer.revision, newer.stage, newer.prompt_hash, newer.round)
        = (model_calls.article_id, model_calls.revision, model_calls.stage, model_calls.prompt_hash, model_calls.round)
      AND newer.status = 'open' AND (newer.opened_at, newer.id) > (model_calls.opened_at, model_calls.id))
"""


def upgrade() -> None:
    _add_workers()
    _change_batches_and_articles()
    _change_calls_and_outputs()


def _add_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", sa.Double(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("draining_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("said_goodbye_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("taken_over_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("instance", name=op.f("pk_workers")),
    )
    op.create_table(
        "stage_failures",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("first_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_stage_failures_stage")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_stage_failures_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "revision", "stage", "kind", name=op.f("pk_stage_failures")),
    )


def _change_batches_and_articles() -> None:
    op.drop_constraint(op.f("ck_batches_status"), "batches")
    op.create_check_constraint(op.f("ck_batches_status"), "batches", _BATCH_STATUS)
    op.create_table(
        "batch_articles",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('needs_review', 'failed', 'cancelled')", name=op.f("ck_batch_articles_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_batch_articles_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_batch_articles_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "article_id", name=op.f("pk_batch_articles")),
    )
    op.create_index(op.f("ix_batch_articles_article_id"), "batch_articles", ["article_id"])
    op.execute(_ONE_LIVE_ARTICLE)
    op.execute(_NO_SECOND_PAGE)
    op.execute(_CLAIM_FOR_LIVE_ARTICLES)
    op.execute(_FILL_BATCH_ARTICLES)
    op.drop_constraint(op.f("uq_articles_batch_id_longtail_id"), "articles")
    op.drop_column("articles", "position")
    op.create_index(op.f("ix_articles_batch_id"), "articles", ["batch_id"])
    op.drop_index("ix_articles_longtail_id", "articles")
    op.create_index("ix_articles_longtail_id", "articles", ["longtail_id", "created_at"])
    op.create_index(
        "uq_articles_live",
        "articles",
        ["longtail_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'generating')"),
    )
    op.add_column("articles", sa.Column("brief", postgresql.JSONB(), nullable=True))
    op.execute(_FILL_BRIEFS)
    op.alter_column("articles", "brief", nullable=False)


def _change_calls_and_outputs() -> None:
    columns: dict[str, sa.types.TypeEngine[Any]] = {
        "batch_id": sa.Uuid(),
        "site": sa.Text(),
        "keyword": sa.Text(),
        "question": sa.Text(),
        "colour": sa.Text(),
        "code_version": sa.Text(),
        "estimated_cost_usd": sa.Numeric(14, 8),
    }
    for name, kind in columns.items():
        op.add_column("model_calls", sa.Column(name, kind, nullable=True))
    op.execute(_FILL_CALLS)
    op.execute(_ONE_OPEN_CALL)
    op.alter_column("model_calls", "site", nullable=False)
    op.alter_column("model_calls", "keyword", nullable=False)
    op.drop_constraint(op.f("fk_model_calls_article_id"), "model_calls")
    op.alter_column("model_calls", "article_id", nullable=True)
    op.create_foreign_key(
        op.f("fk_model_calls_article_id"), "model_calls", "articles", ["article_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(op.f("ix_model_calls_batch_id"), "model_calls", ["batch_id"])
    op.create_index(
        "uq_model_calls_open",
        "model_calls",
        ["article_id", "revision", "stage", "round", sa.literal_column("coalesce(question, prompt_hash)")],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    for name in ("worker", "colour", "code_version"):
        op.add_column("stage_outputs", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("worker", "colour", "code_version"):
        op.drop_column("stage_outputs", name)
    op.drop_index("uq_model_calls_open", "model_calls")
    op.drop_index(op.f("ix_model_calls_batch_id"), "model_calls")
    op.execute("DELETE FROM model_calls WHERE article_id IS NULL")
    op.drop_constraint(op.f("fk_model_calls_article_id"), "model_calls")
    op.alter_column("model_calls", "article_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_model_calls_article_id"), "model_calls", "articles", ["article_id"], ["id"], ondelete="CASCADE"
    )
    for name in ("batch_id", "site", "keyword", "question", "colour", "code_version", "estimated_cost_usd"):
        op.drop_column("model_calls", name)
    op.drop_column("articles", "brief")
    op.drop_index("uq_articles_live", "articles")
    op.drop_index("ix_articles_longtail_id", "articles")
    op.create_index("ix_articles_longtail_id", "articles", ["longtail_id"])
    op.drop_index(op.f("ix_articles_batch_id"), "articles")
    op.add_column("articles", sa.Column("position", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE articles SET position = member.position FROM batch_articles AS member "
        "WHERE (member.batch_id, member.article_id) = (articles.batch_id, articles.id)"
    )
    op.alter_column("articles", "position", nullable=False)
    op.create_unique_constraint(op.f("uq_articles_batch_id_longtail_id"), "articles", ["batch_id", "longtail_id"])
    op.drop_table("batch_articles")
    op.execute("UPDATE batches SET status = 'cancelled' WHERE status = 'stopped'")
    op.drop_constraint(op.f("ck_batches_status"), "batches")
    op.create_check_constraint(op.f("ck_batches_status"), "batches", _OLD_BATCH_STATUS)
    op.drop_table("stage_failures")
    op.drop_table("workers")
