"""Prints the state of both colours, and the steps of a deployment."""

from datetime import UTC, datetime, timedelta

from rich.markup import escape

from src.application.deployments.status import ColourStatus, DeployStatus
from src.domain.colour import Colour
from src.domain.deployment_steps import Deployment, Step

from ..terminal import in_words, local, out, print_table
from . import words

_UNKNOWN = "unknown"


def print_status(status: DeployStatus) -> None:
    """Print both colours, and what is under way."""
    canary = status.routing.canary
    share = f", and {canary.share} % of the articles on {canary.colour}" if canary else ""
    out.print(f"new work starts on [bold]{escape(status.routing.active)}[/bold]{share}")
    for colour in status.colours:
        _print_colour(colour, status.at)
    if status.deployment is not None:
        out.print()
        print_deployment(status.deployment)
    elif status.last:
        newest = status.last[0]
        out.print(f"\nlast: {words.headline(newest)}, by {newest.started_by}, {local(newest.ended_at)}", markup=False)


def _print_colour(colour: ColourStatus, now: datetime) -> None:
    role = "active" if colour.is_active else f"canary, {colour.canary_share} %" if colour.canary_share else "standby"
    versions = ", ".join(colour.versions) or "no worker lives"
    out.print(f"\n[bold]{escape(colour.colour)}[/bold] ({role}): {escape(versions)}")
    print_table(
        ["worker", "commit", "generation", "migration", "prompts", "slots", "age", "seen", "state"],
        (
            [
                worker.instance,
                worker.code_version,
                _or_unknown(worker.generation),
                _or_unknown(worker.migration),
                " ".join(f"{stage}:{hash_[-6:]}" for stage, hash_ in sorted((worker.prompts or {}).items()))
                or _UNKNOWN,
                worker.slots,
                in_words(now - worker.started_at),
                f"{in_words(max(now - worker.last_seen_at, timedelta()))} ago",
                "draining" if worker.is_draining else "alive" if worker.is_alive else "gone without a goodbye",
            ]
            for worker in colour.workers
        ),
        spare=("prompts", "migration", "generation", "slots"),
    )
    pollers = colour.pollers
    out.print(f"pollers    {_or_unknown(pollers.workflows)} workflow, {_or_unknown(pollers.activities)} stage")
    out.print(f"open       {_open(colour, now)}", markup=False)
    age = f", the oldest for {in_words(timedelta(seconds=colour.backlog_age))}" if colour.backlog_age else ""
    out.print(f"backlog    {_or_unknown(colour.backlog)}{age}")
    out.print(f"schedules  {colour.schedules}")
    if not colour.is_active:
        out.print(f"drained    {_blocks(colour)}", markup=False)


def _open(colour: ColourStatus, now: datetime) -> str:
    if colour.open is None:
        return _UNKNOWN
    if not colour.open:
        return "nothing"
    kinds = words.kinds(colour.open)
    stages = ", ".join(f"{count} at {stage}" for stage, count in colour.stages.items())
    oldest = f"; the oldest for {in_words(now - colour.oldest)}" if colour.oldest else ""
    return kinds + (f" ({stages})" if stages else "") + oldest


def _blocks(colour: ColourStatus) -> str:
    """Return what keeps the colour from being stopped."""
    blocks = [words.kinds(colour.open)] if colour.open else []
    blocks += [f"{colour.blocking_tasks} waiting task(s)"] if colour.blocking_tasks else []
    blocks += [f"{colour.open_calls} model call(s) without a stored answer"] if colour.open_calls else []
    blocks += [f"{colour.schedules} schedule(s)"] if colour.schedules else []
    blocks += ["what Temporal does not say"] if colour.open is None or colour.backlog is None else []
    return f"no, there is still: {', '.join(blocks)}" if blocks else "yes"


def _or_unknown(value: object) -> str:
    return _UNKNOWN if value is None else str(value)


def print_deployment(deployment: Deployment) -> None:
    """Print the steps of a deployment."""
    out.print(f"{words.headline(deployment)}, by {deployment.started_by}, {local(deployment.started_at)}", markup=False)
    for step in dict.fromkeys([*deployment.steps, *deployment.plan]):
        print_step(deployment, step)


def print_step(deployment: Deployment, step: Step) -> None:
    """Print one step: done, under way, or still to come."""
    record = deployment.steps.get(step)
    mark = "✓" if deployment.is_done(step) else "·" if record is None or deployment.ended_at else "…"
    details = words.facts(deployment, step)
    out.print(f"  {mark} {words.step(deployment, step)}" + (f": {details}" if details else ""), markup=False)


class Told:
    """Prints each change of a deployment once."""

    def __init__(self) -> None:
        self._printed: set[str] = set()

    def __call__(self, deployment: Deployment) -> None:
        """Print what is new of its steps since the last call."""
        for step in deployment.steps:
            is_done, details = deployment.is_done(step), words.facts(deployment, step)
            line = f"{step} {deployment.is_refused} {is_done or details}"
            if line not in self._printed and (is_done or details):
                self._printed.add(line)
                print_step(deployment, step)


def print_end(deployment: Deployment, *, started: str | None) -> None:
    """Print how far it came, and what to do next.

    ``started`` is how to start a worker that is missing.
    """
    out.print(words.headline(deployment), markup=False)
    if started:
        out.print(f"no worker of {deployment.target} lives, so its work waits; start one: {started}", markup=False)


def print_next(colour: Colour) -> None:
    """Print that the colour's workers may stop."""
    out.print(f"{colour} is empty at {local(datetime.now(UTC))}: its workers may stop now (SIGTERM)", markup=False)
