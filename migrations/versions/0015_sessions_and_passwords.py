"""Passwords and sessions of people; comments on words.

Revision 0015, after 0014, written 2026-12-01. The version before goes on to work: it knows none of the columns.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("password_hash", sa.Text(), nullable=True))
    op.add_column("comments", sa.Column("span", sa.Text(), nullable=True))
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("began_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("hash", name=op.f("uq_sessions_hash")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id", "address"])
    op.create_table(
        "failed_logins",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('name', 'address')", name=op.f("ck_failed_logins_kind")),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_failed_logins")),
    )
    op.create_index("ix_failed_logins_last_at", "failed_logins", ["last_at"])


def downgrade() -> None:
    op.drop_table("failed_logins")
    op.drop_table("sessions")
    op.drop_column("comments", "span")
    op.drop_column("users", "password_hash")
