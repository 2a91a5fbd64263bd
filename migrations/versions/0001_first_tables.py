"""First tables.

Revision 0001, after nothing, written 2026-11-21.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "sites",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_sites")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("slot", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'completed', 'partly_failed', 'failed', 'cancelled')", name=op.f("ck_batches_status")
        ),
        sa.CheckConstraint("trigger IN ('schedule', 'backfill', 'manual')", name=op.f("ck_batches_trigger")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_batches_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("site", "slot", name=op.f("uq_batches_site_slot")),
    )
    op.create_table(
        "longtails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("phrase", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("volume", sa.Integer(), nullable=True),
        sa.Column("difficulty", sa.Double(), nullable=True),
        sa.Column("intent", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="ready", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('ready', 'claimed', 'written', 'failed')", name=op.f("ck_longtails_status")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_longtails_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_longtails")),
        sa.UniqueConstraint("site", "key", name=op.f("uq_longtails_site_key")),
    )
    op.create_index(
        "ix_longtails_next",
        "longtails",
        ["site", sa.literal_column("priority DESC"), "number"],
        unique=False,
        postgresql_where=sa.text("status = 'ready'"),
    )
    op.create_table(
        "articles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("longtail_id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("failed_stage", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("words", sa.Integer(), nullable=True),
        sa.Column("offline", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("failed_stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_articles_failed_stage")),
        sa.CheckConstraint(
            "status IN ('queued', 'generating', 'needs_review', 'failed', 'cancelled')", name=op.f("ck_articles_status")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_articles_batch_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["longtail_id"], ["longtails.id"], name=op.f("fk_articles_longtail_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_articles_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_articles")),
        sa.UniqueConstraint("batch_id", "longtail_id", name=op.f("uq_articles_batch_id_longtail_id")),
    )
    op.create_index("ix_articles_longtail_id", "articles", ["longtail_id"], unique=False)
    op.create_index("ix_articles_site_status", "articles", ["site", "status"], unique=False)
    op.create_table(
        "model_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_hash", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("cache_read_tokens", sa.Integer(), nullable=True),
        sa.Column("cache_write_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=8), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_model_calls_stage")),
        sa.CheckConstraint(
            "status IN ('open', 'answered', 'discarded', 'failed', 'lost')", name=op.f("ck_model_calls_status")
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_model_calls_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_calls")),
    )
    op.create_index(
        "ix_model_calls_answer",
        "model_calls",
        ["article_id", "revision", "stage", "prompt_hash", "round"],
        unique=False,
    )
    op.create_index("ix_model_calls_opened_at", "model_calls", ["opened_at"], unique=False)
    op.create_table(
        "stage_outputs",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("artefact", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_hash", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_stage_outputs_stage")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_stage_outputs_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "revision", "stage", name=op.f("pk_stage_outputs")),
    )


def downgrade() -> None:
    op.drop_table("stage_outputs")
    op.drop_index("ix_model_calls_opened_at", table_name="model_calls")
    op.drop_index("ix_model_calls_answer", table_name="model_calls")
    op.drop_table("model_calls")
    op.drop_index("ix_articles_site_status", table_name="articles")
    op.drop_index("ix_articles_longtail_id", table_name="articles")
    op.drop_table("articles")
    op.drop_index("ix_longtails_next", table_name="longtails", postgresql_where=sa.text("status = 'ready'"))
    op.drop_table("longtails")
    op.drop_table("batches")
    op.drop_table("sites")
