"""Desired schedules, their versions, pauses and requested backfills."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ForeignKey,
    Index,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.ids import BackfillId

from .base import Table


class SiteScheduleRow(Table):
    """What a site's schedule is wanted to be.

    Temporal's copy is written from it and compared with it.
    """

    __tablename__ = "site_schedules"

    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"), primary_key=True)
    wanted: Mapped[dict[str, Any]]  # domain.schedule.Schedule as JSON
    colour: Mapped[str]
    written: Mapped[dict[str, Any]]  # what Temporal showed right after it was written
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ScheduleVersionRow(Table):
    """A schedule as written to Temporal, and when it was desired.

    Times are UTC.
    """

    __tablename__ = "schedule_versions"

    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # of the site, from 1
    schedule: Mapped[dict[str, Any]]  # domain.scheduling.schedule.Schedule as JSON
    written_by: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]  # NULL: it is the desired one


class SchedulePauseRow(Table):
    """An interval in which a site's schedule was paused."""

    __tablename__ = "schedule_pauses"
    __table_args__ = (
        Index("uq_schedule_pauses_lasting", "site", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_by: Mapped[str]
    note: Mapped[str]
    until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class BackfillSlotRow(Table):
    """A slot that an operator requested as a backfill.

    Its batch learns from here that it is a backfill.
    """

    __tablename__ = "backfill_slots"
    __table_args__ = (Index("ix_backfill_slots_slot", "site", "slot"),)

    backfill_id: Mapped[BackfillId] = mapped_column(primary_key=True)
    slot: Mapped[datetime] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(ForeignKey("sites.slug", ondelete="CASCADE"))
    articles: Mapped[int | None]  # at most; NULL: the site's articles_per_batch
    force: Mapped[bool] = mapped_column(server_default=text("false"))
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    stopped_at: Mapped[datetime | None]  # from then on it opens no batch
