"""Versions of schedules, filled from the audit trail.

Revision 0004, after 0003, written 2026-11-27.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Until now every write of a schedule was known from the audit trail alone: "set" and "repair" carry the schedule, and
# "remove" ends it. Events of sites that were deleted have no site to hang on.
_FILL = """
WITH writes AS (
    SELECT subject AS site, who, at, action, after, lead(at) OVER (PARTITION BY subject ORDER BY at) AS ended_at
    FROM audit_events
    WHERE noun = 'schedule' AND (action = 'remove' OR after ? 'when')
)
INSERT INTO schedule_versions (site, number, schedule, written_by, valid_from, valid_to)
SELECT site, row_number() OVER (PARTITION BY site ORDER BY at), after, who, at, ended_at
FROM writes JOIN sites ON sites.slug = writes.site
WHERE action <> 'remove'
"""

# A schedule whose audit events are missing has been valid since it was made.
_FILL_REST = """
INSERT INTO schedule_versions (site, number, schedule, written_by, valid_from)
SELECT site, 1, wanted, 'unknown', created_at
FROM site_schedules
WHERE site NOT IN (SELECT site FROM schedule_versions)
"""


def upgrade() -> None:
    op.create_table(
        "schedule_versions",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_schedule_versions_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("site", "number", name=op.f("pk_schedule_versions")),
    )
    op.execute(_FILL)
    op.execute(_FILL_REST)


def downgrade() -> None:
    op.drop_table("schedule_versions")
