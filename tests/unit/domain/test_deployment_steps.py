"""Steps of a deployment: what comes next, who may go on, and what a rollback goes back to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from src.domain.colour import BLUE, GREEN, Colour
from src.domain.deployment import DeploymentKind, DeploymentStatus
from src.domain.deployment_steps import (
    LEASE,
    Admission,
    Deployment,
    DeploymentOptions,
    Possible,
    Step,
    StepRecord,
    admit,
    is_lease_over,
    list_possible,
    rolled_back_to,
)
from src.domain.errors import Conflict, ConflictReason

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)
DONE = StepRecord(begun_at=AT, done_at=AT)
BACK = [Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS, Step.HAND_OVER, Step.EMPTY]
PAIR = (BLUE, GREEN)
PROMOTE, DRAIN, ROLLBACK = DeploymentKind.PROMOTE, DeploymentKind.DRAIN, DeploymentKind.ROLLBACK


def a_deployment(kind: DeploymentKind = PROMOTE, colour: Colour = GREEN, *done: Step, **changes: Any) -> Deployment:
    made = Deployment(
        id=UUID(int=1),
        kind=kind,
        colour=colour,
        from_colour=BLUE if colour == GREEN else GREEN,
        status=DeploymentStatus.RUNNING,
        reason=None,
        options=DeploymentOptions(),
        steps=dict.fromkeys(done, DONE),
        runner="host, process 1|host|1|1.0|ab",
        runner_seen_at=AT,
        started_by="anna",
        started_at=AT,
        ended_at=None,
    )
    return made.model_copy(update=changes)


def steps_of(deployment: Deployment) -> list[Step]:
    """Do all steps, one after the other."""
    made = []
    while (step := deployment.next_step) is not None:
        made.append(step)
        deployment = deployment.model_copy(update={"steps": deployment.steps | {step: DONE}})
    return made


def test_a_promotion_tests_the_colour_before_it_changes_anything() -> None:
    forward = [Step.NEW_STARTS, Step.SCHEDULES, Step.REVIEWS]
    assert steps_of(a_deployment()) == [Step.CHECKS, Step.GATE, *forward]
    canary = a_deployment(options=DeploymentOptions(share=10))
    assert steps_of(canary) == [Step.CHECKS, Step.GATE, Step.CANARY, *forward]
    assert (canary.target, canary.emptied) == (GREEN, BLUE)


def test_a_rollback_and_a_drain_empty_a_colour() -> None:
    rollback, drain = a_deployment(ROLLBACK, BLUE), a_deployment(DRAIN, BLUE)
    assert steps_of(rollback) == BACK
    assert (rollback.target, rollback.emptied) == (BLUE, GREEN)
    assert steps_of(drain) == [Step.HAND_OVER, Step.EMPTY]
    assert (drain.target, drain.emptied) == (GREEN, BLUE)


def test_a_refused_promotion_goes_back_all_at_once() -> None:
    refused = a_deployment(PROMOTE, GREEN, Step.CHECKS, reason="gate_failed")
    assert steps_of(refused) == BACK
    assert (refused.target, refused.emptied) == (BLUE, GREEN)


def test_one_that_failed_its_checks_has_nothing_to_take_back() -> None:
    assert steps_of(a_deployment(reason="no_worker", steps={Step.CHECKS: StepRecord(begun_at=AT)})) == []


def test_one_that_asks_does_not_go_back() -> None:
    asks = a_deployment(PROMOTE, GREEN, Step.CHECKS, status=DeploymentStatus.HOLDING, reason="too_few_articles")
    assert not asks.is_refused
    assert asks.target == GREEN


def test_the_same_goes_on_where_nobody_carries_it_out() -> None:
    assert admit(None, PROMOTE, GREEN, is_carried_out=False) is Admission.NEW
    assert admit(a_deployment(), PROMOTE, GREEN, is_carried_out=False) is Admission.RESUMED


def test_two_operators_at_once_one_wins() -> None:
    with pytest.raises(Conflict) as error:
        admit(a_deployment(), PROMOTE, GREEN, is_carried_out=True)
    assert error.value.reason is ConflictReason.DEPLOYMENT_UNDER_WAY
    assert error.value.message == (
        "the promote of green is carried out by anna at host, process 1 since 2026-12-01 12:00:00 UTC"
    )


@pytest.mark.parametrize("is_carried_out", [True, False])
def test_only_a_rollback_ends_what_is_open(is_carried_out: bool) -> None:
    for open_ in (a_deployment(), a_deployment(DRAIN, BLUE)):
        assert admit(open_, ROLLBACK, BLUE, is_carried_out=is_carried_out) is Admission.SUPERSEDES
    for kind, colour in ((PROMOTE, BLUE), (DRAIN, BLUE)):
        with pytest.raises(Conflict) as error:
            admit(a_deployment(), kind, colour, is_carried_out=is_carried_out)
        assert error.value.reason is ConflictReason.DEPLOYMENT_OPEN


def test_nothing_but_itself_goes_on_during_a_rollback() -> None:
    open_ = a_deployment(ROLLBACK, BLUE)
    with pytest.raises(Conflict):
        admit(open_, PROMOTE, GREEN, is_carried_out=False)
    assert admit(open_, ROLLBACK, BLUE, is_carried_out=False) is Admission.RESUMED


@pytest.mark.parametrize(
    ("open_", "active", "expected"),
    [
        (None, GREEN, BLUE),
        (a_deployment(), BLUE, BLUE),  # a canary, say
        (a_deployment(), GREEN, BLUE),
        (a_deployment(DRAIN, BLUE), GREEN, BLUE),
        (a_deployment(ROLLBACK, BLUE), BLUE, BLUE),  # the same again, cut off while it emptied green
    ],
)
def test_a_rollback_goes_back_to_the_colour_before(open_: Deployment | None, active: Colour, expected: Colour) -> None:
    assert rolled_back_to(open_, active=active, pair=PAIR) == expected


def test_a_lease_ends_by_itself() -> None:
    assert not is_lease_over(a_deployment(), AT + LEASE)
    assert is_lease_over(a_deployment(), AT + LEASE + timedelta(seconds=1))
    assert is_lease_over(a_deployment(runner=None), AT)


def test_what_may_be_asked_for() -> None:
    def possible(open_: Deployment | None, active: Colour) -> list[tuple[DeploymentKind, Colour]]:
        return [
            (each.kind, each.colour) for each in list_possible(open_, active=active, pair=PAIR, is_carried_out=True)
        ]

    assert possible(None, BLUE) == [(PROMOTE, GREEN), (DRAIN, GREEN), (ROLLBACK, GREEN)]
    assert possible(a_deployment(), BLUE) == [(ROLLBACK, BLUE)]
    assert possible(a_deployment(ROLLBACK, BLUE), BLUE) == []
    goes_on = list_possible(a_deployment(ROLLBACK, BLUE), active=BLUE, pair=PAIR, is_carried_out=False)
    assert goes_on == [Possible(kind=ROLLBACK, colour=BLUE)]
