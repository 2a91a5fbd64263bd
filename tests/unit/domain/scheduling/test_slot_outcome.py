"""Every truth about a slot, and what the judgement makes of it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.scheduling.schedule import Overlap, Pause, Schedule, When
from src.domain.scheduling.slot_evidence import (
    ExpectedSlot,
    Outcome,
    RecordedAlert,
    Run,
    SlotEvidence,
    SlotReport,
    outages,
)
from src.domain.scheduling.slot_outcome import judge
from src.domain.time_range import TimeRange

SLOT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATER = SLOT + DAY
DAILY = Schedule(when=When(times=(time(6, 0),)), time_zone="UTC", catch_up=3 * HOUR)


def report(schedule: Schedule = DAILY, **facts: Any) -> SlotReport:
    known = {"site": "hardware-shop", "now": LATER} | facts
    return judge(ExpectedSlot(slot=SLOT, schedule=schedule), SlotEvidence(**known))


def outcome(schedule: Schedule = DAILY, **facts: Any) -> Outcome:
    return report(schedule, **facts).outcome


def batch(status: BatchStatus = BatchStatus.COMPLETED, **changes: Any) -> dict[datetime, Batch]:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "site": "hardware-shop",
        "slot": SLOT,
        "trigger": Trigger.SCHEDULE,
        "status": status,
        "colour": "blue",
        "workflow_id": "batch",
        "run_id": "run",
        "total": 8,
        "needs_review": 8,
        "failed": 0,
        "cancelled": 0,
        "error_type": None,
        "error_message": None,
        "opened_at": SLOT + timedelta(seconds=1),
        "closed_at": SLOT + MINUTE,
    }
    return {SLOT: Batch(**values | changes)}


def run(slot: datetime = SLOT, *, start: timedelta = timedelta(0), end: timedelta | None = None, how: str = "") -> Run:
    """A run from ``start`` to ``end`` after the slot under test."""
    return Run(slot=slot, started_at=SLOT + start, ended_at=None if end is None else SLOT + end, ended_as=how or None)


def pause(start: timedelta, end: timedelta | None) -> Pause:
    ended = None if end is None else SLOT + end
    return Pause(started_at=SLOT + start, started_by="anna", note="relaunch", until=None, ended_at=ended, ended_by=None)


def span(start: timedelta, end: timedelta | None) -> TimeRange:
    return TimeRange(start=SLOT + start, end=None if end is None else SLOT + end)


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        (batch(), Outcome.RAN),
        (batch(BatchStatus.PARTLY_FAILED, needs_review=7, failed=1), Outcome.PARTLY_FAILED),
        (batch(BatchStatus.FAILED, needs_review=0, failed=8), Outcome.FAILED),
        (batch(BatchStatus.FAILED, total=0, needs_review=0, error_type="ModelNotConfigured"), Outcome.FAILED),
        (batch(BatchStatus.CANCELLED, needs_review=1, cancelled=7), Outcome.CANCELLED),
        (batch(BatchStatus.STOPPED, needs_review=0, failed=3, cancelled=5), Outcome.STOPPED),
        (batch(total=0, needs_review=0), Outcome.NO_LONGTAILS),
    ],
)
def test_a_batch_that_ended_tells_how(batches: dict[datetime, Batch], expected: Outcome) -> None:
    assert outcome(batches=batches, pauses=(pause(-HOUR, HOUR),), outages=(span(-HOUR, HOUR),)) is expected


def test_a_stopped_batch_is_to_be_made_up_and_says_why() -> None:
    stopped = batch(
        BatchStatus.STOPPED, needs_review=0, failed=8, error_type="ModelUnavailable", error_message="no capacity"
    )
    judged = report(batches=stopped)
    assert (judged.outcome.is_gap, judged.on_purpose) == (True, False)
    assert judged.detail == "ModelUnavailable: no capacity"


def test_a_running_batch_is_one_only_while_its_workflow_is() -> None:
    running = batch(BatchStatus.RUNNING, needs_review=2, closed_at=None)
    assert outcome(batches=running, runs=(run(),)) is Outcome.RUNNING
    assert outcome(batches=running, runs=(run(end=HOUR, how="terminated"),)) is Outcome.FAILED
    assert outcome(batches=running) is Outcome.FAILED
    again = (run(end=HOUR, how="terminated"), run(start=2 * HOUR))
    assert outcome(batches=running, runs=again) is Outcome.RUNNING


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (run(), Outcome.RUNNING),
        (run(end=HOUR, how="failed"), Outcome.FAILED),
        (run(end=HOUR, how="terminated"), Outcome.FAILED),
        (run(end=HOUR, how="canceled"), Outcome.CANCELLED),
        (run(end=HOUR, how="completed"), Outcome.NOT_STARTED),  # it refused: its backfill was stopped
    ],
)
def test_a_workflow_without_a_batch_tells_next(ending: Run, expected: Outcome) -> None:
    assert outcome(runs=(ending,)) is expected


def test_what_waits_for_a_worker_is_no_gap_and_still_worth_an_alert() -> None:
    waiting = report(runs=(run(),))
    assert (waiting.outcome.is_gap, waiting.is_missing) == (False, True)
    assert "waits for a worker or the database" in waiting.detail


def test_a_pause_names_who_and_lasts_up_to_its_end() -> None:
    paused = report(pauses=(pause(timedelta(0), HOUR),))
    assert (paused.outcome, paused.detail) == (Outcome.PAUSED, "by anna: relaunch")
    assert (paused.outcome.is_gap, paused.is_missing) == (True, False)  # somebody decided so
    assert outcome(pauses=(pause(-HOUR, None),)) is Outcome.PAUSED
    assert outcome(pauses=(pause(-HOUR, timedelta(0)),)) is Outcome.NOT_STARTED


@pytest.mark.parametrize(
    ("age", "jitter", "expected"),
    [
        (4 * MINUTE, timedelta(0), Outcome.DUE),
        (6 * MINUTE, timedelta(0), Outcome.NOT_STARTED),
        (6 * MINUTE, 10 * MINUTE, Outcome.DUE),
        (16 * MINUTE, 10 * MINUTE, Outcome.NOT_STARTED),
    ],
)
def test_a_young_slot_may_still_begin(age: timedelta, jitter: timedelta, expected: Outcome) -> None:
    assert outcome(DAILY.model_copy(update={"jitter": jitter}), now=SLOT + age) is expected


@pytest.mark.parametrize(
    ("overlap", "ended", "expected"),
    [
        (Overlap.SKIP, HOUR, Outcome.SKIPPED_OVERLAP),
        (Overlap.SKIP, None, Outcome.SKIPPED_OVERLAP),
        (Overlap.SKIP, -MINUTE, Outcome.NOT_STARTED),
        (Overlap.BUFFER_ONE, HOUR, Outcome.NOT_STARTED),  # it should have begun when the other had ended
        (Overlap.BUFFER_ALL, HOUR, Outcome.NOT_STARTED),
        (Overlap.BUFFER_ALL, 4 * HOUR, Outcome.OUTSIDE_CATCH_UP),
        (Overlap.BUFFER_ALL, None, Outcome.OUTSIDE_CATCH_UP),
        (Overlap.ALLOW_ALL, HOUR, Outcome.NOT_STARTED),
        (Overlap.CANCEL_OTHER, HOUR, Outcome.NOT_STARTED),
    ],
)
def test_a_run_that_was_under_way_explains_what_the_policy_lets_it(
    overlap: Overlap, ended: timedelta | None, expected: Outcome
) -> None:
    other = run(SLOT - DAY, start=-HOUR, end=ended, how="completed" if ended else "")
    assert outcome(DAILY.model_copy(update={"overlap": overlap}), runs=(other,)) is expected


def test_a_buffered_slot_waits_and_the_one_after_it_is_dropped_when_one_may_wait() -> None:
    other = run(SLOT - DAY, start=-HOUR)
    one = DAILY.model_copy(update={"overlap": Overlap.BUFFER_ONE})
    soon = SLOT + HOUR
    assert outcome(one, runs=(other,), slots=(SLOT - DAY, SLOT), now=soon) is Outcome.DUE
    earlier = SLOT - 30 * MINUTE
    assert outcome(one, runs=(other,), slots=(SLOT - DAY, earlier, SLOT), now=soon) is Outcome.SKIPPED_OVERLAP
    assert outcome(DAILY, runs=(other,), slots=(SLOT - DAY, earlier, SLOT), now=soon) is Outcome.DUE


def test_a_slot_waits_for_all_that_wait_in_front_of_it() -> None:
    first = run(SLOT - 2 * DAY, start=-HOUR, end=HOUR, how="completed")
    second = run(SLOT - DAY, start=HOUR + MINUTE, end=2 * HOUR, how="completed")
    assert outcome(runs=(first, second), now=SLOT + 2 * HOUR + MINUTE) is Outcome.DUE
    assert outcome(runs=(first, second), now=SLOT + 2 * HOUR + 6 * MINUTE) is Outcome.NOT_STARTED
    after_it = run(SLOT + MINUTE, start=2 * HOUR + MINUTE)
    assert outcome(runs=(first, second, after_it), now=SLOT + 2 * HOUR + 6 * MINUTE) is Outcome.NOT_STARTED


@pytest.mark.parametrize(
    ("hole", "now", "expected"),
    [
        (span(-HOUR, 4 * HOUR), LATER, Outcome.OUTSIDE_CATCH_UP),
        (span(-HOUR, HOUR), LATER, Outcome.SERVER_DOWN),
        (span(-HOUR, HOUR), SLOT + HOUR + MINUTE, Outcome.DUE),  # Temporal is back and may make it up yet
        (span(-HOUR, None), LATER, Outcome.OUTSIDE_CATCH_UP),
        (span(-2 * HOUR, -HOUR), LATER, Outcome.NOT_STARTED),
        (span(MINUTE, 4 * HOUR), LATER, Outcome.NOT_STARTED),
    ],
)
def test_an_outage_explains_the_slots_within_it(hole: TimeRange, now: datetime, expected: Outcome) -> None:
    assert outcome(outages=(hole,), now=now) is expected


def test_an_outage_says_that_skip_makes_up_one_of_several() -> None:
    lost = report(DAILY.model_copy(update={"overlap": Overlap.SKIP}), outages=(span(-HOUR, HOUR),))
    assert lost.outcome is Outcome.SERVER_DOWN
    assert "overlap skip does not catch up every slot" in lost.detail


def test_a_schedule_that_was_deleted_by_hand_is_named() -> None:
    for absence in (span(-HOUR, HOUR), span(-HOUR, None)):
        gone = report(missing_schedule=(absence,))
        assert gone.outcome is Outcome.NOT_STARTED
        assert "deleted by hand" in gone.detail
    assert "deleted" not in report(missing_schedule=(span(HOUR, None),)).detail


def test_a_pause_made_in_temporal_is_a_gap_that_nobody_ordered() -> None:
    paused = report(external_pause=span(-HOUR, None), external_pause_note="paused due to workflow failure")
    assert (paused.outcome, paused.is_missing) == (Outcome.PAUSED, True)
    assert paused.detail == "in Temporal itself: paused due to workflow failure"


def test_what_the_watchdog_noticed_outlives_the_evidence() -> None:
    noticed = {SLOT: RecordedAlert(reason="paused", message="in Temporal itself: by hand")}
    assert outcome(noticed=noticed) is Outcome.PAUSED
    forewarned = report(noticed={SLOT: RecordedAlert(reason="schedule_missing", message="Temporal has no schedule")})
    assert (forewarned.outcome, forewarned.detail) == (Outcome.NOT_STARTED, "Temporal has no schedule")


def test_a_healthy_schedule_that_started_nothing_is_called_so() -> None:
    silent = report(next_run=LATER + DAY)
    assert silent.outcome is Outcome.NOT_STARTED
    assert silent.detail == "Temporal never started it, and says that all is well: next run 2026-11-22 06:00:00"


def test_a_late_or_made_up_slot_says_so() -> None:
    assert report(batches=batch(opened_at=SLOT + 2 * HOUR)).detail == "2:00:00 late"
    assert report(batches=batch(trigger=Trigger.BACKFILL)).detail == "run by a backfill"
    assert report(batches=batch()).detail == ""


def test_an_outage_is_a_silence_longer_than_two_and_a_half_intervals() -> None:
    signs = [SLOT, SLOT + MINUTE, SLOT + 3 * MINUTE, SLOT + 6 * MINUTE, SLOT + 7 * MINUTE]
    assert outages(signs, every=MINUTE) == (span(3 * MINUTE, 6 * MINUTE),)
    assert outages(signs[::-1], every=MINUTE) == outages(signs, every=MINUTE)
    assert outages([], every=MINUTE) == ()
