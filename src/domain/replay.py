"""Histories replayed with this code, and what would break."""

from pydantic import BaseModel, ConfigDict


class ReplayFailure(BaseModel):
    """A workflow that this code cannot go on with.

    Attributes:
        run_id: the run whose history it is.
        is_open: it has not ended, so it would break; one that ended shows what others would come to.
        event: the number of the history's event at which this code does something else; None: not known.
        place: file, line and function of the workflow code; None: not known.
        problem: in Temporal's words.
    """

    model_config = ConfigDict(frozen=True)

    workflow_type: str
    workflow_id: str
    run_id: str
    is_open: bool
    event: int | None
    place: str | None
    problem: str


class ReplayCount(BaseModel):
    """How many histories of a type were replayed."""

    model_config = ConfigDict(frozen=True)

    workflow_type: str
    open: int = 0
    closed: int = 0


class Replay(BaseModel):
    """What came of replaying histories.

    Attributes:
        gone: workflows whose history was deleted meanwhile.
    """

    model_config = ConfigDict(frozen=True)

    counts: tuple[ReplayCount, ...]
    failures: tuple[ReplayFailure, ...]
    gone: int = 0
