"""Words of deployments: steps, statuses, reasons, what a colour has."""

from collections.abc import Mapping

from src.application.deployments.status import ColourStatus
from src.domain.canary import CanaryJudgement
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import Deployment, Step

from .wording import plural

STATUS: dict[DeploymentStatus, tuple[str, str]] = {
    DeploymentStatus.RUNNING: ("run", "Under way"),
    DeploymentStatus.HOLDING: ("warn", "Asks you"),
    DeploymentStatus.DONE: ("ok", "Done"),
    DeploymentStatus.REFUSED: ("bad", "Refused"),
    DeploymentStatus.SUPERSEDED: ("off", "Ended by a rollback"),
}
KIND: dict[DeploymentKind, str] = {
    DeploymentKind.PROMOTE: "Promote {colour}",
    DeploymentKind.DRAIN: "Drain {colour}",
    DeploymentKind.ROLLBACK: "Roll back to {colour}",
}
MEANS: dict[DeploymentKind, str] = {
    DeploymentKind.PROMOTE: "Its workers are checked and make one probe article; then {colour} gets all new work.",
    DeploymentKind.DRAIN: "What {colour} has goes on at the other colour; articles under way are finished.",
    DeploymentKind.ROLLBACK: "{colour} gets all new work at once, without a probe; then the other colour is emptied.",
}
_STEPS: dict[Step, str] = {
    Step.CHECKS: "Workers live and poll",
    Step.GATE: "A probe article passes",
    Step.CANARY: "A share of the articles is judged",
    Step.NEW_STARTS: "New work starts on {target}",
    Step.SCHEDULES: "Schedules start runs on {target}",
    Step.REVIEWS: "Reviews and publications wait on {target}",
    Step.HAND_OVER: "What {emptied} has is handed over",
    Step.EMPTY: "{emptied} is empty",
}
_REASONS: dict[str, str] = {
    "no_worker": "No worker of it lives.",
    "no_workflow_poller": "None of its workers asks for workflow tasks.",
    "no_activity_poller": "None of its workers asks for stages.",
    "schema_behind": "Its workers need a newer schema.",
    "temporal_away": "Temporal does not say who polls.",
    "contract_migration": "Its code cannot work on this schema.",
    "gate_failed": "The probe article failed.",
    "gate_timed_out": "The probe article did not end in time.",
    "worker_gone": "Its workers are gone.",
    "workflow_tasks_fail": "Tasks of its workflows fail again and again.",
    "unknown_error": "An article failed with an error that the other colour does not know.",
    "too_many_failures": "More articles failed than chance explains.",
    "too_few_articles": "Too few articles to tell.",
}
_STEP_STATES = {True: ("ok", "Done"), False: ("run", "Under way"), None: ("off", "To come")}


def name(deployment: Deployment) -> str:
    """Return what was asked for."""
    return KIND[deployment.kind].format(colour=deployment.colour)


def reason(deployment: Deployment) -> str:
    """Return why it was refused or asks; nothing if it does neither."""
    code, _, detail = (deployment.reason or "").partition(": ")
    return " ".join(filter(None, (_REASONS.get(code, code), detail)))


def steps(deployment: Deployment) -> list[tuple[tuple[str, str], str, str]]:
    """Return the state of each step, its words, and its facts."""
    return [
        (
            _STEP_STATES[deployment.is_done(step) if step in deployment.steps else None],
            _STEPS[step].format(target=deployment.target, emptied=deployment.emptied),
            _facts(deployment, step),
        )
        for step in dict.fromkeys([*deployment.steps, *deployment.plan])
    ]


def _facts(deployment: Deployment, step: Step) -> str:
    facts = deployment.steps[step].facts if step in deployment.steps else {}
    if step is Step.CANARY and "judgement" in facts:
        judged = CanaryJudgement.model_validate(facts["judgement"])
        sides = (
            f"{each.colour}: {each.finished} finished, {each.failures} failed" for each in (judged.new, judged.old)
        )
        return "; ".join(sides)
    if step is Step.EMPTY and facts:
        return _left(facts["open"], facts["backlog"], facts["calls"])
    return ", ".join(f"{count} {what}" for what, count in facts.items() if isinstance(count, int) and count)


def left(colour: ColourStatus) -> str:
    """Return what the colour has to do."""
    return _left(colour.open, colour.backlog, colour.open_calls)


def _left(open_: Mapping[str, int] | None, backlog: int | None, calls: int) -> str:
    if open_ is None or backlog is None:
        return "Temporal does not say"
    parts = [plural(count, kind, "batches" if kind == "batch" else f"{kind}s") for kind, count in open_.items()]
    parts += [plural(backlog, "waiting task")] if backlog else []
    parts += [plural(calls, "open model call")] if calls else []
    return ", ".join(parts) or "nothing"
