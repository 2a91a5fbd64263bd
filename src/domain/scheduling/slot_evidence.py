"""Outcomes of an expected slot, and the evidence for them.

``slot_outcome`` decides.

Budgets stop no run yet, so there is no outcome for them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from ..batch import Batch
from ..ids import BatchId
from ..time_range import TimeRange
from .schedule import Pause, Schedule

GRACE = timedelta(minutes=5)  # a slot younger than this may still begin
WATCHDOG_INTERVAL = timedelta(
    minutes=1
)  # of the watchdog: as fine as the shortest schedule, so that no outage hides in it
LONGEST_HEARTBEAT_GAP = 2.5  # of the watchdog's intervals; anything longer was an outage and no late look


class Outcome(StrEnum):
    """What became of a slot."""

    RAN = "ran"
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"  # no article came of it
    CANCELLED = "cancelled"  # a person stopped that batch
    STOPPED = "stopped"  # a limit or an outage stopped that batch
    RUNNING = "running"
    DUE = "due"  # it may still begin by itself
    PAUSED = "paused"
    SKIPPED_OVERLAP = "skipped_overlap"
    OUTSIDE_CATCH_UP = "outside_catch_up"
    SERVER_DOWN = "server_down"
    NO_LONGTAILS = "no_longtails"
    NOT_STARTED = "not_started"

    @property
    def is_gap(self) -> bool:
        """Return whether articles are missing and will not come by themselves."""
        return self in _GAPS


_GAPS = {
    Outcome.FAILED,
    Outcome.STOPPED,
    Outcome.PAUSED,
    Outcome.SKIPPED_OVERLAP,
    Outcome.OUTSIDE_CATCH_UP,
    Outcome.SERVER_DOWN,
    Outcome.NO_LONGTAILS,
    Outcome.NOT_STARTED,
}


class SlotReport(BaseModel):
    """One expected slot and what became of it."""

    model_config = ConfigDict(frozen=True)

    site: str
    slot: datetime  # UTC
    outcome: Outcome
    detail: str = ""
    batch_id: BatchId | None = None
    on_purpose: bool = False  # a person decided so through this software

    @property
    def is_missing(self) -> bool:
        """Return whether the slot lacks a batch and needs a person."""
        is_late = self.outcome.is_gap or self.outcome is Outcome.RUNNING
        return self.batch_id is None and is_late and not self.on_purpose


class ExpectedSlot(BaseModel):
    """A slot, and the schedule that was to start it."""

    model_config = ConfigDict(frozen=True)

    slot: datetime
    schedule: Schedule

    def clock(self, at: datetime) -> str:
        """Return a moment as clocks show it where the schedule counts."""
        return f"{at.astimezone(ZoneInfo(self.schedule.time_zone)):%Y-%m-%d %H:%M:%S}"


class Run(BaseModel):
    """A workflow that was started for a slot."""

    model_config = ConfigDict(frozen=True)

    slot: datetime
    started_at: datetime
    ended_at: datetime | None  # None: it is under way
    ended_as: str | None = None  # Temporal's word: completed, failed, canceled, terminated, timed_out

    def is_under_way(self, at: datetime) -> bool:
        """Return whether it had begun and not ended then."""
        return TimeRange(start=self.started_at, end=self.ended_at).covers(at)


class RecordedAlert(BaseModel):
    """What the watchdog stored while the evidence was fresh."""

    model_config = ConfigDict(frozen=True)

    reason: str
    message: str


class SlotEvidence(BaseModel):
    """What is known of one site."""

    model_config = ConfigDict(frozen=True)

    site: str
    now: datetime
    grace: timedelta = GRACE
    slots: tuple[datetime, ...] = ()  # the expected ones
    batches: Mapping[datetime, Batch] = {}  # by slot
    runs: tuple[Run, ...] = ()
    pauses: tuple[Pause, ...] = ()
    outages: tuple[TimeRange, ...] = ()  # nothing of Temporal was seen
    missing_schedule: tuple[TimeRange, ...] = ()  # Temporal had no schedule of the site
    external_pause: TimeRange | None = None  # paused in Temporal, and not through this software
    external_pause_note: str = ""
    next_run: datetime | None = None  # as Temporal announces it
    noticed: Mapping[datetime, RecordedAlert] = {}


def outages(signs: Sequence[datetime], *, every: timedelta) -> tuple[TimeRange, ...]:
    """Return the ranges without a sign of life for too long.

    There should be one in every interval ``every``.
    """
    longest = every * LONGEST_HEARTBEAT_GAP
    return tuple(
        TimeRange(start=before, end=after) for before, after in pairwise(sorted(signs)) if after - before > longest
    )
