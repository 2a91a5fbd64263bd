"""A review for every text that awaits one, in an index.

The index is in the order of the queue, which needs site and status of reviews.

Revision 0014, after 0013, written 2026-11-30. The version before goes on to work: triggers make the reviews and
keep the two columns.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATUSES = (
    "'queued', 'generating', 'needs_review', 'changes_requested', 'approved', 'rejected', 'parked', 'withdrawn', "
    "'failed', 'cancelled'"
)
# Waits for a change of the article that is not committed: its own trigger would not see the new row.
_OF_ARTICLE = "SELECT site, status INTO NEW.site, NEW.status FROM articles WHERE id = NEW.article_id FOR SHARE"
_FUNCTIONS = {
    "review_of_article": f"{_OF_ARTICLE}; RETURN NEW",
    "review_waits": (
        "INSERT INTO reviews (article_id) VALUES (NEW.id)"
        " ON CONFLICT (article_id) DO UPDATE SET status = EXCLUDED.status; RETURN NULL"
    ),
    "review_follows": "UPDATE reviews SET status = NEW.status WHERE article_id = NEW.id; RETURN NULL",
}
_CHANGED = "OLD.status IS DISTINCT FROM NEW.status"
_TRIGGERS = (
    ("of_article", "BEFORE INSERT", "reviews", "review_of_article", ""),
    ("review_made", "AFTER INSERT", "articles", "review_waits", "WHEN (NEW.status = 'needs_review')"),
    (
        "review_waits",
        "AFTER UPDATE OF status",
        "articles",
        "review_waits",
        f"WHEN ({_CHANGED} AND NEW.status = 'needs_review')",
    ),
    (
        "review_follows",
        "AFTER UPDATE OF status",
        "articles",
        "review_follows",
        f"WHEN ({_CHANGED} AND NEW.status <> 'needs_review')",
    ),
)


def upgrade() -> None:
    op.add_column("reviews", sa.Column("site", sa.Text(), nullable=True))
    op.add_column("reviews", sa.Column("status", sa.Text(), nullable=True))
    for name, statements in _FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statements}; END $$")
    for name, event, table, function, condition in _TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION {function}()")
    op.execute(
        "UPDATE reviews SET site = articles.site, status = articles.status FROM articles WHERE articles.id = article_id"
    )
    # They wait from now on, as reviews that the watchdog makes, but in the order of their making.
    op.execute(
        "INSERT INTO reviews (article_id, waiting_since)"
        " SELECT id, now() + row_number() OVER (ORDER BY created_at, id) * interval '1 microsecond'"
        " FROM articles WHERE status = 'needs_review' ON CONFLICT DO NOTHING"
    )
    op.alter_column("reviews", "site", nullable=False)
    op.alter_column("reviews", "status", nullable=False)
    op.create_check_constraint(op.f("ck_reviews_status"), "reviews", f"status IN ({_STATUSES})")
    op.drop_index("ix_reviews_waiting_since", "reviews")
    op.create_index("ix_reviews_status", "reviews", ["status", "waiting_since", "article_id"])
    op.create_index("ix_reviews_site_status", "reviews", ["site", "status", "waiting_since", "article_id"])
    op.create_index(
        "ix_reviews_assignee",
        "reviews",
        ["assignee", "status", "waiting_since", "article_id"],
        postgresql_where=sa.text("assignee IS NOT NULL"),
    )
    op.create_index(
        "ix_reviews_claimed_until",
        "reviews",
        ["claimed_until"],
        postgresql_where=sa.text("claimed_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_reviews_claimed_until", "reviews")
    op.drop_index("ix_reviews_assignee", "reviews")
    op.drop_index("ix_reviews_site_status", "reviews")
    op.drop_index("ix_reviews_status", "reviews")
    op.create_index("ix_reviews_waiting_since", "reviews", ["waiting_since", "article_id"])
    for name, _, table, _, _ in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_column("reviews", "status")
    op.drop_column("reviews", "site")
