"""What happened in a batch, one step after another."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from .errors import InputInvalid
from .ids import ArticleId
from .stages import Stage

_TEXT = re.compile(r"(\d{1,18})-(\d{1,18})")


class ProgressKind(StrEnum):
    """What took a step."""

    BATCH = "batch"  # its status changed
    ARTICLE = "article"  # its status changed
    STAGE = "stage"  # a stage of an article finished


class ProgressPosition(BaseModel):
    """A place in the order of steps that never changes again."""

    model_config = ConfigDict(frozen=True)

    transaction: int = 0
    number: int = 0

    def __str__(self) -> str:
        return f"{self.transaction}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that ``str`` wrote. Raises InputInvalid."""
        if not (match := _TEXT.fullmatch(text)):
            raise InputInvalid("Last-Event-ID", text, "hand in the id of an event as it came, or none")
        return cls(transaction=int(match[1]), number=int(match[2]))


class ProgressStep(BaseModel):
    """One step.

    Attributes:
        article: which; None for a step of the batch itself.
        status: the new one; None for a stage.
        stage: the one that finished.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    position: ProgressPosition
    kind: ProgressKind
    article: ArticleId | None
    status: str | None
    stage: Stage | None
    at: datetime
