"""Holds.

Revision 0003, after 0002, written 2026-11-21.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("depth", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("held_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("depth IN ('articles', 'stages', 'calls')", name=op.f("ck_holds_depth")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_holds_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "uq_holds_lasting",
        "holds",
        ["site"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_holds_lasting",
        table_name="holds",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_table("holds")
