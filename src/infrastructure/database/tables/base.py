"""Base class of the tables.

Status columns are text with a named CHECK, so that a new one is an ordinary migration.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    MetaData,
    Numeric,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase

from src.domain.ids import ArticleId, BackfillId, BatchId, CallId, LongtailId
from src.domain.publishing import PublicationId
from src.domain.review import CommentId, DecisionId


class Table(DeclarativeBase):
    """Names every constraint, so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this as a class attribute
        str: Text,
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB,
        Decimal: Numeric(14, 8),
        ArticleId: Uuid(),
        BackfillId: Uuid(),
        BatchId: Uuid(),
        CallId: Uuid(),
        CommentId: Uuid(),
        DecisionId: Uuid(),
        LongtailId: Uuid(),
        PublicationId: Uuid(),
    }


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Return a CHECK named after its column that allows the enumeration's values."""
    allowed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)
