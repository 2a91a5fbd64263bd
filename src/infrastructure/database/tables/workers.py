"""Workers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Double, func
from sqlalchemy.orm import Mapped, mapped_column

from .base import Table


class WorkerRow(Table):
    """A worker process, from before its first poll."""

    __tablename__ = "workers"

    instance: Mapped[str] = mapped_column(primary_key=True)
    colour: Mapped[str]
    host: Mapped[str]  # the machine since its last start, and the namespace that its process ids count in
    pid: Mapped[int]
    process_started_at: Mapped[float] = mapped_column(Double)  # seconds since 1970, as the system has it
    code_version: Mapped[str]
    slots: Mapped[int]  # model calls that it has open at once
    generation: Mapped[int | None]  # of its workflow code; these four are NULL for versions that did not say
    migration: Mapped[str | None]  # the newest one that it knows
    prompts: Mapped[dict[str, Any] | None]  # stage -> hash
    settings: Mapped[dict[str, Any] | None]  # those that deployments change
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    draining_at: Mapped[datetime | None]  # since then it polls no more
    said_goodbye_at: Mapped[datetime | None]
    taken_over_at: Mapped[datetime | None]  # it died, and its activities went to others
