"""The outcomes of trials as people read them."""

from collections import Counter
from collections.abc import Sequence

from .books import Counts
from .plan import Kind
from .trial import Outcome

_SHORT = {
    Kind.KILL_WORKER: "kill",
    Kind.DRAIN_WORKER: "term",
    Kind.FREEZE_WORKER: "freeze-w",
    Kind.FREEZE_TEMPORAL: "freeze-t",
    Kind.FREEZE_POSTGRES: "freeze-pg",
    Kind.STOP_POSTGRES: "stop-pg",
    Kind.CRASH_POSTGRES: "crash-pg",
    Kind.CUT_CONNECTIONS: "cut",
    Kind.LIMIT: "429",
    Kind.OUTAGE: "503",
    Kind.CANCEL_BATCH: "cancel",
    Kind.TERMINATE_BATCH: "terminate-b",
    Kind.TERMINATE_ARTICLE: "terminate-a",
    Kind.REQUEUE: "requeue",
    Kind.REOPEN: "reopen",
    Kind.NEXT_SLOT: "slot",
    Kind.PROMOTE: "promote",
    Kind.CANARY: "canary",
    Kind.DRAIN_COLOUR: "drain",
    Kind.ROLLBACK: "rollback",
}
_HEAD = (
    "seed",
    "finished",
    "failed",
    "answers",
    "calls",
    "lost",
    "cut",
    "refused",
    "wrong",
    "s",
    "recovery, s",
    "events",
)


def table(outcomes: Sequence[Outcome]) -> str:
    """Return a row a trial and their sums, in Markdown."""
    rows = [
        (
            str(each.plan.seed),
            *map(str, each.counts),
            str(len(each.wrong)),
            f"{each.seconds:.0f}",
            f"{each.recovery:.1f}",
        )
        for each in outcomes
    ]
    events = [_named(each.events) for each in outcomes]
    counts = Counts(*(sum(column) for column in zip(*(each.counts for each in outcomes), strict=True)))
    totals = (f"all {len(outcomes)}", *map(str, counts), str(sum(len(each.wrong) for each in outcomes)))
    spent = (f"{sum(each.seconds for each in outcomes):.0f}", f"{max(each.recovery for each in outcomes):.1f} at most")
    happened = sum((each.events for each in outcomes), Counter[Kind]())
    lines = [_HEAD, ("---:",) * (len(_HEAD) - 1) + ("---",)]
    lines += [(*row, what) for row, what in zip(rows, events, strict=True)]
    lines += [(*totals, *spent, _named(happened))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _named(events: Counter[Kind]) -> str:
    names = (_SHORT[kind] if events[kind] == 1 else f"{events[kind]} {_SHORT[kind]}" for kind in Kind if events[kind])
    return ", ".join(names)
