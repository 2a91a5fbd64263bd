"""The figures as people read them."""

from collections.abc import Callable, Sequence

from rich.table import Table

from .interruptions import Interrupted
from .measured import Measured

_MEGABYTE = 1024 * 1024


def measurements(runs: Sequence[Measured]) -> Table:
    """A column a scenario."""
    table = Table("", *(_name(run) for run in runs), title="one batch, warm worker")
    for name, figure in _FIGURES:
        table.add_row(name, *(figure(run) for run in runs))
    return table


def interruptions(trials: Sequence[Interrupted]) -> Table:
    """A column a trial."""
    title = "a worker ends when half of the calls are answered, and a new one starts at once"
    table = Table("", *(trial.signal for trial in trials), title=title)
    for name, figure in _INTERRUPTED:
        table.add_row(name, *(figure(trial) for trial in trials))
    return table


def _resumed(place: int) -> Callable[[Interrupted], str]:
    return lambda trial: f"{trial.resumed_seconds[place]:.1f} s" if trial.resumed_seconds else "–"


_INTERRUPTED: tuple[tuple[str, Callable[[Interrupted], str]], ...] = (
    ("articles lost", lambda trial: f"{trial.lost} of {trial.articles}"),
    ("calls that the signal found open", lambda trial: str(trial.in_flight)),
    ("extra calls", lambda trial: str(trial.extra_calls)),
    ("calls for stages answered before, by the ledger", lambda trial: str(trial.bought_again)),
    ("  by the model server, which cannot see a commit", lambda trial: str(trial.sent_again)),
    ("first new call after", lambda trial: f"{trial.first_call_seconds:.1f} s"),
    ("articles with an open call go on after: first", _resumed(0)),
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
    ("articles that need review", lambda run: f"{run.need_review} of {run.articles}"),
    ("history: batch", lambda run: f"{run.batch_events} events"),
    ("  article", lambda run: f"{run.article_events} events, {run.article_history_bytes / 1024:.0f} KB"),
)
