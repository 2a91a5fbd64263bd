"""Alerts: what the watchdog finds, and for how long."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class AlertKind(StrEnum):
    """What an alert is about."""

    SLOT_MISSING = "slot_missing"  # an expected slot without a batch
    SLOT_AT_RISK = "slot_at_risk"  # the schedule will not start its next slot
    BATCH_GONE = "batch_gone"  # running, and Temporal runs no workflow of it; it is closed
    ARTICLE_GONE = "article_gone"  # unfinished, and nothing will continue it; it is cancelled
    LONGTAIL_STRANDED = "longtail_stranded"  # claimed, and no article is being made of it; it is ready again
    CALL_LOST = "call_lost"  # open, and its worker is dead; it is written off
    BATCH_OVERDUE = "batch_overdue"  # it runs for much longer than the site's batches usually do
    REVIEW_WAITING = "review_waiting"  # nobody has decided on a text within the site's time
    WORKFLOW_STUCK = "workflow_stuck"  # its workflow tasks fail, so that it does not advance


SLOT_KINDS = (AlertKind.SLOT_MISSING, AlertKind.SLOT_AT_RISK)


class Finding(BaseModel):
    """What one look found.

    Attributes:
        subject: what it is about, unique among the findings of its kind.
        slot: of the kinds that are about a slot, UTC.
        reason: of those kinds, a word for programs.
    """

    model_config = ConfigDict(frozen=True)

    kind: AlertKind
    subject: str
    site: str | None
    detail: str
    slot: datetime | None = None
    reason: str | None = None


class Alert(BaseModel):
    """A finding that lasted long enough to be one.

    Attributes:
        since: the first look that found it.
        until: the first look that did not find it any more; None while it lasts.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    kind: AlertKind
    subject: str
    site: str | None
    detail: str
    since: datetime
    until: datetime | None


class SlotAlert(BaseModel):
    """A slot that needs a person."""

    model_config = ConfigDict(frozen=True)

    site: str
    slot: datetime  # UTC
    reason: str  # an outcome that is a gap, or why the schedule will not start it
    message: str
    raised_at: datetime
    until: datetime | None


class WorkflowRun(BaseModel):
    """The latest run of a workflow, as Temporal knows it."""

    model_config = ConfigDict(frozen=True)

    started_at: datetime
    is_running: bool
    goes_on: bool = False  # as another run of the same workflow


class StuckWorkflow(BaseModel):
    """A workflow whose tasks fail, and what Temporal says of them."""

    model_config = ConfigDict(frozen=True)

    workflow_id: str
    site: str | None
    problems: tuple[str, ...]


PATIENCE = timedelta(minutes=3)  # a workflow that is just being started is no finding
SHORTEST_OVERDUE = timedelta(hours=1)  # below this a batch is not overdue, however short others were
