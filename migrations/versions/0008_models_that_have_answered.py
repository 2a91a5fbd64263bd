"""Models that have answered.

Revision 0008, after 0007, written 2026-11-28.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "answering_models",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("answered_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("stage IN ('A', 'B', 'C', 'D')", name=op.f("ck_answering_models_stage")),
        sa.PrimaryKeyConstraint("endpoint", "stage", "model", name=op.f("pk_answering_models")),
    )


def downgrade() -> None:
    op.drop_table("answering_models")
