"""Sites."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class SiteRow(Table):
    """One site as its file described it last."""

    __tablename__ = "sites"

    slug: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[dict[str, Any]]  # domain.site.Site as JSON
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
