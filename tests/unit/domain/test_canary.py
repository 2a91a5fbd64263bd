"""The canary rule: refuses at once what is no chance, passes with enough articles, and says when there are too few."""

import pytest

from src.domain.canary import (
    ENOUGH,
    CanaryEvidence,
    CanaryReason,
    CanaryVerdict,
    Side,
    chance_of,
    expected_ratio,
    judge,
    surprising,
)
from src.domain.colour import BLUE, GREEN

OLD = Side(colour=BLUE, finished=98, failed={"OutputRejected": 1})  # 2 % by the rule of succession


def new(finished: int, **failed: int) -> Side:
    return Side(colour=GREEN, finished=finished, failed=failed)


def evidence(side: Side, **changes: object) -> CanaryEvidence:
    known = frozenset({"OutputRejected"})
    return CanaryEvidence(old=OLD, new=side, known_errors=known).model_copy(update=changes)


@pytest.mark.parametrize(
    ("ratio", "articles", "failures", "percent"),
    [
        (0.02, 5, 2, 0.4),
        (0.02, 10, 2, 1.6),
        (0.02, 10, 3, 0.1),
        (0.02, 20, 3, 0.7),
        (0.02, 50, 4, 1.8),
        (0.02, 50, 5, 0.3),
        (0.05, 5, 2, 2.3),
        (0.05, 5, 3, 0.1),
        (0.05, 20, 4, 1.6),
        (0.05, 20, 5, 0.3),
        (0.05, 50, 6, 3.8),
    ],
)
def test_the_chance_is_the_tail_of_a_binomial(ratio: float, articles: int, failures: int, percent: float) -> None:
    assert round(100 * chance_of(failures, articles, ratio), 1) == percent


@pytest.mark.parametrize(("ratio", "articles", "failures"), [(0.02, 5, 2), (0.02, 10, 3), (0.05, 5, 3), (0.05, 20, 5)])
def test_the_smallest_number_that_is_no_chance(ratio: float, articles: int, failures: int) -> None:
    assert surprising(articles, ratio) == failures


def test_an_old_colour_without_failures_is_not_taken_for_perfect() -> None:
    assert expected_ratio(Side(colour=BLUE, finished=0)) == 0.5
    assert surprising(5, expected_ratio(Side(colour=BLUE, finished=20))) == 3


def test_a_good_canary_passes_with_enough_articles() -> None:
    assert judge(evidence(new(ENOUGH)), is_over=False).verdict is CanaryVerdict.PASSED
    assert judge(evidence(new(ENOUGH, OutputRejected=1)), is_over=False).verdict is CanaryVerdict.PASSED


def test_too_few_articles_wait_and_then_ask() -> None:
    waits = judge(evidence(new(ENOUGH - 1)), is_over=False)
    asks = judge(evidence(new(2)), is_over=True)
    assert (waits.verdict, waits.reason) == (CanaryVerdict.WAITING, CanaryReason.TOO_FEW_ARTICLES)
    assert (asks.verdict, asks.reason) == (CanaryVerdict.INCONCLUSIVE, CanaryReason.TOO_FEW_ARTICLES)


def test_more_failures_than_chance_gives_are_refused() -> None:
    judged = judge(evidence(new(5, OutputRejected=2)), is_over=False)
    assert (judged.verdict, judged.reason, judged.allowed) == (
        CanaryVerdict.REFUSED,
        CanaryReason.TOO_MANY_FAILURES,
        1,
    )
    assert judge(evidence(new(5, OutputRejected=1)), is_over=False).verdict is CanaryVerdict.WAITING


@pytest.mark.parametrize(
    ("side", "changes", "reason"),
    [
        (new(0), {"workers_alive": 0}, CanaryReason.WORKER_GONE),
        (new(0), {"stuck": ("article/1",)}, CanaryReason.WORKFLOW_TASKS_FAIL),
        (new(40, KeyError=1), {}, CanaryReason.UNKNOWN_ERROR),
    ],
)
def test_some_things_are_refused_at_once(side: Side, changes: dict[str, object], reason: CanaryReason) -> None:
    judged = judge(evidence(side, **changes), is_over=False)
    assert (judged.verdict, judged.reason) == (CanaryVerdict.REFUSED, reason)


def test_nothing_made_says_nothing() -> None:
    judged = judge(evidence(new(0)), is_over=True)
    assert (judged.verdict, judged.allowed) == (CanaryVerdict.INCONCLUSIVE, None)
