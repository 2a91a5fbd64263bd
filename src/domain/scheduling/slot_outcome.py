"""Classifies an expected slot from evidence.

A rule answers when it can tell; their order is from what is certain to what only explains an absence.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

from ..batch import Batch, BatchStatus, Trigger
from .schedule import Overlap
from .slot_evidence import ExpectedSlot, Outcome, Run, SlotEvidence, SlotReport

Verdict = tuple[Outcome, str]


def judge(expected: ExpectedSlot, facts: SlotEvidence) -> SlotReport:
    """Return what became of the slot.

    The first rule that can tell decides.
    """
    verdicts = (rule(expected, facts) for rule in _RULES)
    outcome, detail = next(verdict for verdict in verdicts if verdict)
    batch = facts.batches.get(expected.slot)
    is_ordered_pause = outcome is Outcome.PAUSED and _ordered_pause(expected, facts) is not None
    return SlotReport(
        site=facts.site,
        slot=expected.slot,
        outcome=outcome,
        detail=detail,
        batch_id=batch.id if batch else None,
        on_purpose=outcome is Outcome.CANCELLED or is_ordered_pause,
    )


def _batch(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    batch = facts.batches.get(expected.slot)
    if batch is None:
        return None
    match batch.status:
        case BatchStatus.RUNNING:
            return _batch_under_way(batch, facts)
        case BatchStatus.COMPLETED:
            return _completed(batch, expected, facts)
        case BatchStatus.PARTLY_FAILED:
            verdict = Outcome.PARTLY_FAILED, f"{batch.failed} of {batch.total} articles failed"
        case BatchStatus.FAILED:
            reason = f"{batch.error_type}: {batch.error_message}" if batch.error_type else ""
            verdict = Outcome.FAILED, reason or f"none of {batch.total} articles succeeded"
        case BatchStatus.CANCELLED:
            verdict = Outcome.CANCELLED, f"{batch.needs_review} of {batch.total} articles were finished"
        case BatchStatus.STOPPED:
            verdict = Outcome.STOPPED, f"{batch.error_type}: {batch.error_message}"
        case _:
            assert_never(batch.status)
    return verdict


def _batch_under_way(batch: Batch, facts: SlotEvidence) -> Verdict:
    run = _run(batch.slot, facts)
    if run is None or run.ended_at is not None:
        what = f"its workflow was {run.ended_as}" if run else "Temporal does not know its workflow any more"
        return Outcome.FAILED, f"cut off: {what}"
    return Outcome.RUNNING, f"{batch.total - batch.under_way} of {batch.total} articles ended"


def _completed(batch: Batch, expected: ExpectedSlot, facts: SlotEvidence) -> Verdict:
    if batch.total == 0:
        return Outcome.NO_LONGTAILS, "no longtails were left to claim"
    if batch.trigger is Trigger.BACKFILL:
        return Outcome.RAN, "run by a backfill"
    late = batch.opened_at - batch.slot
    return Outcome.RAN, f"{_length(late)} late" if late > facts.grace + expected.schedule.jitter else ""


def _workflow(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    """Return a workflow without a batch.

    One that completed refused to open it, which is no reason by itself.
    """
    run = _run(expected.slot, facts)
    if run is None or run.ended_as == "completed":
        return None
    if run.ended_at is None:
        return Outcome.RUNNING, f"begun {expected.clock(run.started_at)}; waits for a worker or the database"
    if run.ended_as == "canceled":
        return Outcome.CANCELLED, "before its batch was opened"
    return Outcome.FAILED, f"its workflow was {run.ended_as} before its batch was opened"


def _ordered_pause(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    for pause in facts.pauses:
        if pause.covers(expected.slot):
            return Outcome.PAUSED, f"by {pause.started_by}: {pause.note}"
    return None


def _young(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    return (Outcome.DUE, "") if facts.now < expected.slot + facts.grace + expected.schedule.jitter else None


def _overlap(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    """Another run of the schedule was under way."""
    slot, schedule = expected.slot, expected.schedule
    others = [run for run in facts.runs if run.slot != slot and run.is_under_way(slot)]
    if not others or schedule.overlap in _NEVER_WAITS:
        return None
    other = max(others, key=lambda run: run.ended_at or facts.now)
    if schedule.overlap is Overlap.SKIP:
        return Outcome.SKIPPED_OVERLAP, _under_way(other, expected)
    if schedule.overlap is Overlap.BUFFER_ONE and _another_waits(slot, other, facts):
        return Outcome.SKIPPED_OVERLAP, f"{_under_way(other, expected)}, and one slot was waiting already"
    last = _last_before(expected, other, facts)
    if (last.ended_at or facts.now) > slot + schedule.catch_up:
        window = _length(schedule.catch_up)
        return Outcome.OUTSIDE_CATCH_UP, f"{_under_way(last, expected)}, longer than the window of {window}"
    may_yet = last.ended_at is None or facts.now < last.ended_at + facts.grace
    return (Outcome.DUE, f"waits: {_under_way(last, expected)}") if may_yet else None


def _under_way(run: Run, expected: ExpectedSlot) -> str:
    until = f"until {expected.clock(run.ended_at)}" if run.ended_at else "still"
    return f"the run of {expected.clock(run.slot)} was under way {until}"


def _last_before(expected: ExpectedSlot, other: Run, facts: SlotEvidence) -> Run:
    """Return the last run that the slot has to wait for.

    ``other``, or one of an earlier slot that waited in front of it.
    """
    last = other
    for run in sorted(facts.runs, key=lambda run: run.started_at):
        is_in_front = run.slot < expected.slot and run.started_at > last.started_at
        if is_in_front and last.ended_at is not None and run.started_at < last.ended_at + facts.grace:
            last = run
    return last


_NEVER_WAITS = (Overlap.ALLOW_ALL, Overlap.CANCEL_OTHER, Overlap.TERMINATE_OTHER)
_MAKES_UP_ALL = (Overlap.BUFFER_ALL, Overlap.ALLOW_ALL)


def _another_waits(slot: datetime, other: Run, facts: SlotEvidence) -> bool:
    return any(other.started_at < earlier < slot for earlier in facts.slots if earlier != other.slot)


def _outage(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    """Temporal itself was not there.

    A slot that could not be caught up differs from one that would not.
    """
    schedule = expected.schedule
    outage = next((span for span in facts.outages if span.covers(expected.slot)), None)
    if outage is None:
        return None
    end = outage.end or facts.now
    seen = f"nothing was seen of Temporal from {expected.clock(outage.start)} to {expected.clock(end)}"
    if end > expected.slot + schedule.catch_up:
        return Outcome.OUTSIDE_CATCH_UP, f"{seen}, longer than the window of {_length(schedule.catch_up)}"
    if facts.now < end + facts.grace:
        return Outcome.DUE, f"{seen}; it may still be caught up"
    if schedule.overlap not in _MAKES_UP_ALL:
        seen += f"; overlap {schedule.overlap} does not catch up every slot"
    return Outcome.SERVER_DOWN, seen


def _absence(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    for span in facts.missing_schedule:
        if span.covers(expected.slot):
            again = f" until it was created again {expected.clock(span.end)}" if span.end else ""
            return Outcome.NOT_STARTED, f"deleted by hand: Temporal had no schedule of this site{again}"
    return None


def _external_pause(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    span = facts.external_pause
    if span is None or not span.covers(expected.slot):
        return None
    return Outcome.PAUSED, f"in Temporal itself: {facts.external_pause_note or 'without a note'}"


def _noticed(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict | None:
    """Return what the watchdog saw then, where the evidence is gone.

    A warning came true if nothing else is known.
    """
    notice = facts.noticed.get(expected.slot)
    if notice is None:
        return None
    gaps = {outcome.value: outcome for outcome in Outcome if outcome.is_gap}
    return gaps.get(notice.reason, Outcome.NOT_STARTED), notice.message


def _not_started(expected: ExpectedSlot, facts: SlotEvidence) -> Verdict:
    detail = "Temporal never started it"
    if facts.next_run:
        detail += f", and says that all is well: next run {expected.clock(facts.next_run)}"
    return Outcome.NOT_STARTED, detail


_RULES: tuple[Callable[[ExpectedSlot, SlotEvidence], Verdict | None], ...] = (
    _batch,
    _workflow,
    _ordered_pause,
    _young,
    _overlap,
    _outage,
    _absence,
    _external_pause,
    _noticed,
    _not_started,
)


def _run(slot: datetime, facts: SlotEvidence) -> Run | None:
    """Return the slot's run: the one under way, else the last.

    A slot that is backfilled again has several.
    """
    runs = [run for run in facts.runs if run.slot == slot]
    return max(runs, key=lambda run: (run.ended_at is None, run.started_at), default=None)


def _length(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
