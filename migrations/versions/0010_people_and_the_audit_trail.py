"""People, their roles and tokens; an audit trail that only grows.

Revision 0010, after 0009, written 2026-11-28. The version before goes on to record: triggers set what it does not know.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ROLES = "'viewer', 'reviewer', 'publisher', 'operator', 'admin'"
_TIME = postgresql.TIMESTAMP(timezone=True)

# Events of earlier versions are numbered in their order. A hold on all sites has the subject '*'.
_NUMBER_OLD = """
UPDATE audit_events SET number = ordered.number, site = nullif(subject, '*')
FROM (SELECT id, row_number() OVER (ORDER BY at, id) AS number FROM audit_events) AS ordered
WHERE ordered.id = audit_events.id
"""
# The lock lasts until the transaction ends, so that the next one sees this number, or none if this one rolls back.
_NUMBERING = """
CREATE FUNCTION audit_events_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_number bigint;
    last_at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_events', 0));
    SELECT number, at INTO last_number, last_at FROM audit_events ORDER BY number DESC LIMIT 1;
    NEW.number = coalesce(last_number, 0) + 1;
    NEW.at = greatest(clock_timestamp(), last_at);
    RETURN NEW;
END
$$
"""
_REFUSING = """
CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$
"""


def upgrade() -> None:
    _create_people()
    op.add_column("audit_events", sa.Column("number", sa.BigInteger(), nullable=True))
    for name in ("token", "origin", "address", "site"):
        op.add_column("audit_events", sa.Column(name, sa.Text(), nullable=True))
    op.execute(_NUMBER_OLD)
    op.alter_column("audit_events", "number", nullable=False)
    op.create_unique_constraint(op.f("uq_audit_events_number"), "audit_events", ["number"])
    op.create_index("ix_audit_events_site", "audit_events", ["site", "number"])
    op.execute(_NUMBERING)
    op.execute(
        "CREATE TRIGGER audit_events_number BEFORE INSERT ON audit_events "
        "FOR EACH ROW EXECUTE FUNCTION audit_events_number()"
    )
    op.execute(_REFUSING)
    op.execute(
        "CREATE TRIGGER audit_events_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()"
    )


def _create_people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("os_user", sa.Text(), nullable=True),
        sa.Column("disabled_at", _TIME, nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sa.UniqueConstraint("os_user", name=op.f("uq_users_os_user")),
    )
    op.create_table(
        "user_roles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.CheckConstraint(f"role IN ({_ROLES})", name=op.f("ck_user_roles_role")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_user_roles_site"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_roles")),
    )
    op.create_index(
        "uq_user_roles_grant",
        "user_roles",
        ["user_id", "role", "site"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", _TIME, nullable=True),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.Column("revoked_at", _TIME, nullable=True),
        sa.CheckConstraint(f"scopes <@ ARRAY[{_ROLES}]", name=op.f("ck_api_tokens_scopes")),
        sa.ForeignKeyConstraint(["site"], ["sites.slug"], name=op.f("fk_api_tokens_site"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_tokens_hash")),
    )
    op.create_index(
        "uq_api_tokens_current",
        "api_tokens",
        ["user_id", "name"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_events_refuse ON audit_events")
    op.execute("DROP FUNCTION audit_events_refuse()")
    op.execute("DROP TRIGGER audit_events_number ON audit_events")
    op.execute("DROP FUNCTION audit_events_number()")
    op.drop_index("ix_audit_events_site", "audit_events")
    for name in ("site", "address", "origin", "token", "number"):
        op.drop_column("audit_events", name)
    op.drop_table("api_tokens")
    op.drop_table("user_roles")
    op.drop_table("users")
