"""Models that have answered."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from src.domain.stages import Stage

from .base import Table, one_of


class AnsweringModelRow(Table):
    """A model that answered a stage at an endpoint at least once."""

    __tablename__ = "answering_models"
    __table_args__ = (one_of("stage", Stage),)

    endpoint: Mapped[str] = mapped_column(primary_key=True)  # without userinfo; with a mark of the key, if there is one
    stage: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)  # as asked for
    answered_at: Mapped[datetime] = mapped_column(server_default=func.now())  # first
