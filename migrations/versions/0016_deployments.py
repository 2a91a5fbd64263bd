"""Add routing and deployments, and what code a worker runs.

Revision 0016, after 0015, written 2026-12-01. The version before goes on to work: it knows none of the columns, and
starts everything on blue.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_ONE_ROW = "INSERT INTO routing (id, active_colour, changed_by) VALUES (1, 'blue', 'migration 0016')"


def upgrade() -> None:
    op.create_table(
        "routing",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("active_colour", sa.Text(), nullable=False),
        sa.Column("canary_colour", sa.Text(), nullable=True),
        sa.Column("canary_share", sa.Integer(), nullable=True),
        sa.Column("changed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("oldest_code", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_routing_one_row")),
        sa.CheckConstraint("canary_share BETWEEN 1 AND 99", name=op.f("ck_routing_canary_share")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing")),
    )
    op.execute(_ONE_ROW)
    op.create_table(
        "deployments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("from_colour", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("runner", sa.Text(), nullable=True),
        sa.Column("runner_seen_at", _TIME, nullable=True),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('promote', 'drain', 'rollback')", name=op.f("ck_deployments_kind")),
        sa.CheckConstraint(
            "status IN ('running', 'holding', 'done', 'refused', 'superseded')", name=op.f("ck_deployments_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
    )
    op.create_index(
        "uq_deployments_open",
        "deployments",
        [sa.text("(ended_at IS NULL)")],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_deployments_started_at", "deployments", ["started_at"])
    op.add_column("articles", sa.Column("colour", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("generation", sa.Integer(), nullable=True))
    op.add_column("workers", sa.Column("migration", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("prompts", postgresql.JSONB(), nullable=True))
    op.add_column("workers", sa.Column("settings", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    for column in ("settings", "prompts", "migration", "generation"):
        op.drop_column("workers", column)
    op.drop_column("articles", "colour")
    op.drop_table("deployments")
    op.drop_table("routing")
