"""Publications of articles, and the renderer that showed what was approved.

Revision 0012, after 0011, written 2026-11-30.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = postgresql.TIMESTAMP(timezone=True)
_STATUSES = (
    "'scheduled', 'publishing', 'published', 'verified', 'replaced', 'taking_off', 'taken_off', 'undone', 'failed'"
)
_OPEN = "status IN ('scheduled', 'publishing', 'taking_off')"
_LIVE = "status IN ('published', 'verified', 'taking_off')"
_ON_ITS_ADDRESS = "status IN ('scheduled', 'publishing', 'published', 'verified', 'taking_off')"


def upgrade() -> None:
    op.add_column("review_decisions", sa.Column("renderer_version", sa.Integer(), nullable=True))
    op.create_table(
        "publications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="scheduled", nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("canonical", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("approved_at", _TIME, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("forced", sa.Text(), nullable=True),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("published_at", _TIME, nullable=False),
        sa.Column("modified_at", _TIME, nullable=False),
        sa.Column("page", sa.LargeBinary(), nullable=False),
        sa.Column("page_hash", sa.Text(), nullable=False),
        sa.Column("live_at", _TIME, nullable=True),
        sa.Column("verified_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("target IN ('folder')", name=op.f("ck_publications_target")),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name=op.f("ck_publications_status")),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_publications_article_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["article_id", "revision"],
            ["article_revisions.article_id", "article_revisions.number"],
            name=op.f("fk_publications_article_id_revision"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_publications_site"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
    )
    for name, columns, is_unique, which in (
        ("uq_publications_open", ["article_id", "target"], True, _OPEN),
        ("uq_publications_live", ["article_id", "target"], True, _LIVE),
        ("ix_publications_article_id", ["article_id", "created_at"], False, None),
        ("ix_publications_address", ["site", "target", "path"], False, _ON_ITS_ADDRESS),
        ("ix_publications_due_at", ["due_at"], False, _OPEN),
    ):
        where = sa.text(which) if which else None
        op.create_index(name, "publications", columns, unique=is_unique, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("publications")
    op.drop_column("review_decisions", "renderer_version")
