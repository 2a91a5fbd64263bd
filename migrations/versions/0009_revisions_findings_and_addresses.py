"""Revisions of texts, findings in them, addresses of longtails.

Revision 0009, after 0008, written 2026-11-28. Revisions of older articles are made when their review starts. Their
pages keep the address they were rendered with; longtails whose articles chose the same one get a suffix here.
"""

from collections.abc import Sequence
from itertools import count

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATUS = (
    "status IN ('queued', 'generating', 'needs_review', 'changes_requested', 'approved', 'rejected', 'parked', "
    "'withdrawn', 'failed', 'cancelled')"
)
_OLD_STATUS = "status IN ('queued', 'generating', 'needs_review', 'failed', 'cancelled')"
_FIRST_SLUGS = """
SELECT id, site, slug FROM (
    SELECT DISTINCT ON (longtails.id)
           longtails.id, longtails.site, stage_outputs.artefact ->> 'slug' AS slug, stage_outputs.created_at
    FROM longtails
    JOIN articles ON articles.longtail_id = longtails.id
    JOIN stage_outputs ON stage_outputs.article_id = articles.id AND stage_outputs.stage = 'D'
    ORDER BY longtails.id, stage_outputs.created_at, articles.id) AS first
WHERE slug <> '' ORDER BY created_at, id
"""
_LONGEST_SLUG = 75  # characters


def upgrade() -> None:
    op.create_table(
        "article_revisions",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("stage_revision", sa.Integer(), nullable=True),
        sa.Column("renderer_version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("made_by IN ('machine', 'human')", name=op.f("ck_article_revisions_made_by")),
        sa.CheckConstraint("(made_by = 'human') = (author IS NOT NULL)", name=op.f("ck_article_revisions_author")),
        sa.CheckConstraint(
            "(made_by = 'machine') = (stage_revision IS NOT NULL)", name=op.f("ck_article_revisions_stage_revision")
        ),
        sa.ForeignKeyConstraint(
            ["article_id"], ["articles.id"], name=op.f("fk_article_revisions_article_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "number", name=op.f("pk_article_revisions")),
        sa.ForeignKeyConstraint(
            ["article_id", "parent"],
            ["article_revisions.article_id", "article_revisions.number"],
            name=op.f("fk_article_revisions_article_id_parent"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "uq_article_revisions_stage_revision",
        "article_revisions",
        ["article_id", "stage_revision"],
        unique=True,
        postgresql_where=sa.text("stage_revision IS NOT NULL"),
    )
    _create_findings()
    op.add_column("longtails", sa.Column("slug", sa.Text(), nullable=True))
    _fill_slugs()
    op.create_unique_constraint(op.f("uq_longtails_site_slug"), "longtails", ["site", "slug"])
    op.drop_constraint(op.f("ck_articles_status"), "articles")
    op.create_check_constraint(op.f("ck_articles_status"), "articles", _STATUS)


def _create_findings() -> None:
    op.create_table(
        "findings",
        sa.Column("article_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("block", sa.Text(), nullable=True),
        sa.Column("span", sa.Text(), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("limit", sa.Double(), nullable=True),
        sa.Column("waived_by", sa.Text(), nullable=True),
        sa.Column("waived_reason", sa.Text(), nullable=True),
        sa.Column("waived_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("severity IN ('blocking', 'warning', 'note')", name=op.f("ck_findings_severity")),
        sa.CheckConstraint(
            "(waived_at IS NULL) = (waived_by IS NULL) AND (waived_at IS NULL) = (waived_reason IS NULL)",
            name=op.f("ck_findings_waived"),
        ),
        sa.ForeignKeyConstraint(
            ["article_id", "revision"],
            ["article_revisions.article_id", "article_revisions.number"],
            name=op.f("fk_findings_article_id_revision"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("article_id", "revision", "number", name=op.f("pk_findings")),
    )


def _fill_slugs() -> None:
    """Give each longtail its first slug from stage D, newest last."""
    connection = op.get_bind()
    taken: set[tuple[str, str]] = set()
    filled = []
    for longtail_id, site, slug in connection.execute(sa.text(_FIRST_SLUGS)).all():
        free = next(each for each in (_suffixed(slug, number) for number in count(1)) if (site, each) not in taken)
        taken.add((site, free))
        filled.append({"id": longtail_id, "slug": free})
    if filled:
        connection.execute(sa.text("UPDATE longtails SET slug = :slug WHERE id = :id"), filled)


def _suffixed(slug: str, number: int) -> str:
    if number == 1:
        return slug
    return f"{slug[: _LONGEST_SLUG - len(str(number)) - 1].rstrip('-')}-{number}"


def downgrade() -> None:
    op.execute(
        "UPDATE articles SET status = 'needs_review' "
        "WHERE status IN ('changes_requested', 'approved', 'rejected', 'parked', 'withdrawn')"
    )
    op.drop_constraint(op.f("ck_articles_status"), "articles")
    op.create_check_constraint(op.f("ck_articles_status"), "articles", _OLD_STATUS)
    op.drop_constraint(op.f("uq_longtails_site_slug"), "longtails")
    op.drop_column("longtails", "slug")
    op.drop_table("findings")
    op.drop_table("article_revisions")
