"""Limits of providers."""

from datetime import datetime

from sqlalchemy import Double, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class ProviderLimitRow(Table):
    """What is known of an endpoint's limit for one model; see ``domain.rate_limit.ProviderLimit``."""

    __tablename__ = "provider_limits"

    endpoint: Mapped[str] = mapped_column(primary_key=True)  # without userinfo
    model: Mapped[str] = mapped_column(primary_key=True)
    rate: Mapped[float | None] = mapped_column(Double)
    refused_rate: Mapped[float | None] = mapped_column(Double)
    tokens: Mapped[float] = mapped_column(Double, server_default=text("0"))
    counted_at: Mapped[datetime | None]
    closed_until: Mapped[datetime | None]
    outages: Mapped[int] = mapped_column(server_default=text("0"))
    recovery: Mapped[float | None] = mapped_column(Double)
    version: Mapped[int] = mapped_column(server_default=text("0"))
    grants: Mapped[int] = mapped_column(server_default=text("0"))
    refused_at: Mapped[datetime | None]
