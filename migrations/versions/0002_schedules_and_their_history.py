"""Schedules and their history.

Revision 0002, after 0001, written 2026-11-21.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_subject", "audit_events", ["noun", "subject", "at"], unique=False)
    op.create_table(
        "watches",
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_watches")),
    )
    op.create_table(
        "alerts",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("slot", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raised_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_alerts_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site", "slot", name=op.f("pk_alerts")),
    )
    op.create_table(
        "backfill_slots",
        sa.Column("backfill_id", sa.Uuid(), nullable=False),
        sa.Column("slot", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=True),
        sa.Column("force", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("stopped_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_backfill_slots_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("backfill_id", "slot", name=op.f("pk_backfill_slots")),
    )
    op.create_index("ix_backfill_slots_slot", "backfill_slots", ["site", "slot"], unique=False)
    op.create_table(
        "schedule_pauses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_schedule_pauses_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_pauses")),
    )
    op.create_index(
        "uq_schedule_pauses_lasting",
        "schedule_pauses",
        ["site"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "site_schedules",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column("written", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_site_schedules_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_site_schedules")),
    )


def downgrade() -> None:
    op.drop_table("site_schedules")
    op.drop_index(
        "uq_schedule_pauses_lasting", table_name="schedule_pauses", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_table("schedule_pauses")
    op.drop_index("ix_backfill_slots_slot", table_name="backfill_slots")
    op.drop_table("backfill_slots")
    op.drop_table("alerts")
    op.drop_table("watches")
    op.drop_index("ix_audit_events_subject", table_name="audit_events")
    op.drop_table("audit_events")
