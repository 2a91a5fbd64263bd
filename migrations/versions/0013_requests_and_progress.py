"""Requests that are carried out once; steps of batches; indexes for lists.

Revision 0013, after 0010, written 2026-11-30. The version before goes on to work: triggers add the steps.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_INTO = "INSERT INTO progress_steps (batch_id, article_id, kind, status, stage)"
_FUNCTIONS = {
    "progress_of_batch": f"{_INTO} VALUES (NEW.id, NULL, 'batch', NEW.status, NULL)",
    "progress_of_article": f"{_INTO} VALUES (NEW.batch_id, NEW.id, 'article', NEW.status, NULL)",
    "progress_of_stage": (  # NEW is the row that was added, nothing of a person
        f"{_INTO} SELECT batch_id, id, 'stage', NULL, NEW.stage FROM articles WHERE id = NEW.article_id"  # noqa: S608
    ),
    "progress_forgotten": "DELETE FROM progress_steps WHERE batch_id = OLD.id",
}
_TRIGGERS = (
    ("progress_begun", "INSERT", "batches", "progress_of_batch", ""),
    ("progress", "UPDATE OF status", "batches", "progress_of_batch", "WHEN (OLD.status IS DISTINCT FROM NEW.status)"),
    ("progress_forgotten", "DELETE", "batches", "progress_forgotten", ""),
    ("progress_begun", "INSERT", "articles", "progress_of_article", ""),
    (
        "progress",
        "UPDATE OF status, batch_id",
        "articles",
        "progress_of_article",
        "WHEN (OLD.status IS DISTINCT FROM NEW.status OR OLD.batch_id IS DISTINCT FROM NEW.batch_id)",
    ),
    ("progress", "INSERT", "stage_outputs", "progress_of_stage", ""),
)


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("claimed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("person", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index("ix_idempotency_keys_claimed_at", "idempotency_keys", ["claimed_at"])
    op.create_table(
        "progress_steps",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column(
            "xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text)::bigint"), nullable=False
        ),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("at", _TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("kind IN ('batch', 'article', 'stage')", name=op.f("ck_progress_steps_kind")),
        sa.CheckConstraint("stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_progress_steps_stage")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_progress_steps")),
    )
    op.create_index("ix_progress_steps_batch", "progress_steps", ["batch_id", "xid", "number"])
    for name, statement in _FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NULL; END $$"
        )
    for name, event, table, function, condition in _TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION {function}()"
        )
    op.create_index("ix_articles_created_at", "articles", ["created_at", "id"])
    op.create_index("ix_articles_site_created_at", "articles", ["site", "created_at", "id"])
    op.create_index("ix_batches_slot", "batches", ["slot", "id"])
    op.create_index("ix_longtails_order", "longtails", ["site", sa.text("priority DESC"), "number"])


def downgrade() -> None:
    op.drop_index("ix_longtails_order", "longtails")
    op.drop_index("ix_batches_slot", "batches")
    op.drop_index("ix_articles_site_created_at", "articles")
    op.drop_index("ix_articles_created_at", "articles")
    for name, _, table, _, _ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("progress_steps")
    op.drop_table("idempotency_keys")
