"""Alerts that begin and end, of anything the watchdog finds.

Revision 0007, after 0006, written 2026-11-28. The table ``alerts`` stays for the version before, which writes it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = (
    "kind IN ('slot_missing', 'slot_at_risk', 'batch_gone', 'article_gone', 'longtail_stranded', 'call_lost', "
    "'batch_overdue', 'workflow_stuck')"
)
# Open, as far as the old table knows: the first look ends those that it does not find.
_FILL = """
INSERT INTO watchdog_alerts (id, kind, subject, site, slot, reason, detail, since, raised_at)
SELECT gen_random_uuid(),
       CASE WHEN reason IN ('schedule_missing', 'schedule_paused', 'no_next_run')
            THEN 'slot_at_risk' ELSE 'slot_missing' END,
       site || ' ' || to_char(slot AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       site, slot, reason, message, raised_at, raised_at
FROM alerts
"""


def upgrade() -> None:
    op.create_table(
        "watchdog_alerts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("slot", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("raised_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_watchdog_alerts_kind")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_watchdog_alerts_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watchdog_alerts")),
    )
    op.create_index(
        "uq_watchdog_alerts_open",
        "watchdog_alerts",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.create_index("ix_watchdog_alerts_site_slot", "watchdog_alerts", ["site", "slot"])
    op.execute(_FILL)
    op.create_index("ix_batches_running", "batches", ["site"], postgresql_where=sa.text("status = 'running'"))
    op.create_index("ix_longtails_claimed", "longtails", ["site"], postgresql_where=sa.text("status = 'claimed'"))


def downgrade() -> None:
    op.drop_index("ix_longtails_claimed", "longtails")
    op.drop_index("ix_batches_running", "batches")
    op.drop_table("watchdog_alerts")
