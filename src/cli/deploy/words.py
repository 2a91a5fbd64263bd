"""Deployments in words, for a terminal."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from src.domain.canary import CanaryJudgement, Side
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import Deployment, Step

from ..terminal import in_words

STATUS = {
    DeploymentStatus.RUNNING: "under way",
    DeploymentStatus.HOLDING: "asks",
    DeploymentStatus.DONE: "done",
    DeploymentStatus.REFUSED: "refused",
    DeploymentStatus.SUPERSEDED: "ended by a rollback",
}
_REASONS = {
    "no_worker": "no worker of it lives",
    "no_workflow_poller": "none of its workers asks for workflow tasks",
    "no_activity_poller": "none of its workers asks for stages",
    "schema_behind": "its workers need a newer schema",
    "temporal_away": "Temporal does not say who polls",
    "contract_migration": "its code cannot work on this schema",
    "gate_failed": "the probe article failed",
    "gate_timed_out": "the probe article did not end in time",
    "worker_gone": "its workers are gone",
    "workflow_tasks_fail": "tasks of its workflows fail again and again",
    "unknown_error": "an article failed with an error that the other colour does not know",
    "too_many_failures": "more articles failed than chance explains",
    "too_few_articles": "too few articles to tell",
}
STEPS = {
    Step.CHECKS: "workers live and poll",
    Step.GATE: "a probe article passes",
    Step.CANARY: "a share of the articles is judged",
    Step.NEW_STARTS: "new work starts on {target}",
    Step.SCHEDULES: "schedules start runs on {target}",
    Step.REVIEWS: "reviews and publications wait on {target}",
    Step.HAND_OVER: "what {emptied} has is handed over",
    Step.EMPTY: "{emptied} is empty",
}
_COUNTS = {"restarted": "started anew", "resumes": "ends of pauses", "told": "batches told"}


def reason(text: str | None) -> str:
    """Return why a deployment was refused or asks."""
    code, _, detail = (text or "").partition(": ")
    words = _REASONS.get(code, code)
    return f"{words}: {detail}" if detail else words


def step(deployment: Deployment, which: Step) -> str:
    """Return what a step of the deployment does."""
    return STEPS[which].format(target=deployment.target, emptied=deployment.emptied)


def facts(deployment: Deployment, which: Step) -> str:
    """Return what is known of the step, in one line."""
    known = deployment.steps[which].facts if which in deployment.steps else {}
    match which:
        case Step.CANARY:
            return canary(known)
        case Step.EMPTY:
            return rest(known)
        case Step.CHECKS:
            return ", ".join(known.get("workers", ()))
    return counts(known)


def counts(known: Mapping[str, Any]) -> str:
    """Return numbers with their names, without those that are nothing."""
    return ", ".join(f"{count} {_COUNTS.get(name, name)}" for name, count in known.items() if count)


def rest(known: Mapping[str, Any]) -> str:
    """Return what a colour still has, and what was handed over."""
    if not known:
        return ""
    open_, backlog, calls = known["open"], known["backlog"], known["calls"]
    unknown = "unknown" if open_ is None or backlog is None else ""
    waits = [kinds(open_ or {})] if open_ else []
    waits += [f"{backlog} waiting task(s)"] if backlog else []
    waits += [f"{calls} model call(s) without a stored answer"] if calls else []
    left = ", ".join([*waits, *filter(None, [unknown])]) or "nothing"
    handed = counts(known.get("handed_over", {}))
    return f"left: {left}" + (f"; handed over: {handed}" if handed else "")


def kinds(open_: Mapping[str, int]) -> str:
    """Return open workflows by their kind."""
    return ", ".join(f"{count} {_kind(kind, count)}" for kind, count in open_.items())


def _kind(kind: str, count: int) -> str:
    if count == 1:
        return kind
    return f"{kind}es" if kind == "batch" else f"{kind}s"


def canary(known: Mapping[str, Any]) -> str:
    """Return the canary's numbers."""
    if "judgement" not in known:
        return ""
    judged = CanaryJudgement.model_validate(known["judgement"])
    allowed = "" if judged.allowed is None else f", {judged.allowed} may fail by chance"
    until = f"; until {datetime.fromisoformat(known['until']):%H:%M:%S} UTC"
    return f"{_side(judged.new)}{allowed}; {_side(judged.old)}{until}"


def _side(side: Side) -> str:
    parts = [f"{side.colour}: {side.finished} finished, {side.failures} failed"]
    parts += [f"{side.outages} by outages"] if side.outages else []
    parts += [f"{in_words(timedelta(seconds=side.seconds))} each"] if side.seconds is not None else []
    parts += [f"{side.cost_usd:.4f} USD each"] if side.cost_usd is not None else []
    parts += [f"{side.findings:.1f} findings each"] if side.findings is not None else []
    return ", ".join(parts)


def headline(deployment: Deployment) -> str:
    """Return what the deployment is, and how it stands."""
    names = {
        DeploymentKind.PROMOTE: f"promote {deployment.colour}",
        DeploymentKind.DRAIN: f"drain {deployment.colour}",
        DeploymentKind.ROLLBACK: f"roll back to {deployment.colour}",
    }
    why = f": {reason(deployment.reason)}" if deployment.reason else ""
    going_back = " (going back)" if deployment.is_refused and deployment.ended_at is None else ""
    return f"{names[deployment.kind]}: {STATUS[deployment.status]}{going_back}{why}"
