"""People, their roles and their API tokens."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.permissions import Role

from .base import Table, one_of

_ROLES = ", ".join(f"'{role}'" for role in Role)


class UserRow(Table):
    """A person. Never deleted: the audit trail names him."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    email: Mapped[str | None]
    os_user: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]  # argon2id; NULL: no login in the desk
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserRoleRow(Table):
    """A role of a person, on a site or on all."""

    __tablename__ = "user_roles"
    __table_args__ = (
        one_of("role", Role),
        Index("uq_user_roles_grant", "user_id", "role", "site", unique=True, postgresql_nulls_not_distinct=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[str]
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))  # NULL: all sites


class ApiTokenRow(Table):
    """A token of a person: its hash, never the token itself."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        CheckConstraint(f"scopes <@ ARRAY[{_ROLES}]", name="scopes"),
        Index("uq_api_tokens_current", "user_id", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)  # SHA-256 in hexadecimal
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))  # NULL: all sites
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
