"""Filters of the list of model calls."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from .ids import BatchId
from .site import Slug
from .stages import Stage
from .usage import CallStatus

Model = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class CallFilter(BaseModel):
    """Which model calls somebody wants to see; None: all.

    Attributes:
        model: as the response named it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Slug | None = None
    stage: Stage | None = None
    model: Model | None = None
    status: CallStatus | None = None
    batch: BatchId | None = None
