"""The figures as people read them."""

from collections.abc import Callable, Sequence

from rich.table import Column, Table

from .interruptions import Interrupted
from .measured import Measured

_MEGABYTE = 1024 * 1024


def measurements(runs: Sequence[Measured]) -> Table:
    """Return a column a scenario."""
    table = Table("", *(_name(run) for run in runs), title="one batch, warm worker")
    for name, figure in _FIGURES:
        table.add_row(name, *(figure(run) for run in runs))
    return table


def interruptions(trials: Sequence[Interrupted]) -> Table:
    """Return a column a trial."""
    title = "a worker ends when half of the calls are answered, and a new one starts at once"
    table = Table(Column("", no_wrap=True), *(trial.signal for trial in trials), title=title)
    for name, figure in _INTERRUPTED:
        table.add_row(name, *(figure(trial) for trial in trials))
    return table


def _resumed(place: int) -> Callable[[Interrupted], str]:
    return lambda trial: _seconds(trial.resumed_seconds[place] if trial.resumed_seconds else None)


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"


_INTERRUPTED: tuple[tuple[str, Callable[[Interrupted], str]], ...] = (
    ("articles lost", lambda trial: str(trial.lost)),
    ("calls that the signal found open", lambda trial: str(trial.in_flight)),
    ("extra calls", lambda trial: str(trial.extra_calls)),
    ("calls although the ledger had the answer", lambda trial: str(trial.bought_again)),
    ("calls although an answer had been sent", lambda trial: str(trial.sent_again)),
    ("first call of the new worker after, s", lambda trial: _seconds(trial.first_call_seconds)),
    ("articles cut off resume after, s: first", _resumed(0)),
    ("  median", _resumed(1)),
    ("  last", _resumed(2)),
)


def _name(run: Measured) -> str:
    return f"{run.articles} x {run.latency:g} s, {run.slots} slots"


def _per_article(cpu: Callable[[Measured], float]) -> Callable[[Measured], str]:
    return lambda run: f"{cpu(run) / run.articles * 1000:.1f} ms"


def _times_bound(run: Measured) -> str:
    return f"{run.seconds / run.bound_seconds:.2f}" if run.bound_seconds else "–"


_FIGURES: tuple[tuple[str, Callable[[Measured], str]], ...] = (
    ("makespan", lambda run: f"{run.seconds:.2f} s"),
    ("  floor", lambda run: f"{run.floor.seconds:.2f} s"),
    ("  as a multiple of the floor", lambda run: f"{run.seconds / run.floor.seconds:.2f}"),
    ("  as a multiple of the bound", _times_bound),
    ("CPU an article: worker", _per_article(lambda run: run.cpu.worker)),
    ("  floor", _per_article(lambda run: run.floor.cpu_seconds)),
    ("  worker as a multiple of the floor", lambda run: f"{run.cpu.worker / run.floor.cpu_seconds:.2f}"),
    ("  Temporal", _per_article(lambda run: run.cpu.temporal)),
    ("  PostgreSQL", _per_article(lambda run: run.cpu.postgres)),
    ("  Temporal and PostgreSQL", _per_article(lambda run: run.cpu.temporal + run.cpu.postgres)),
    ("  model server", _per_article(lambda run: run.cpu.model_server)),
    ("peak memory: worker", lambda run: f"{run.worker_peak_bytes / _MEGABYTE:.0f} MB"),
    ("  floor", lambda run: f"{run.floor.peak_bytes / _MEGABYTE:.0f} MB"),
    ("calls counted by the model server", lambda run: f"{run.calls}, {run.max_in_flight} at once"),
    ("  due: articles x stages, and corrections", lambda run: str(run.calls_due)),
    ("articles that need review", lambda run: f"{run.need_review} of {run.articles}"),
    ("history: batch", lambda run: f"{run.batch_events} events"),
    ("  article", lambda run: f"{run.article_events} events, {run.article_history_bytes / 1024:.0f} KB"),
)
