"""Judges a canary: the first articles that the next colour makes.

A batch gives a canary few articles, so a ratio counts only where chance cannot explain it; otherwise a person is asked.
"""

from collections.abc import Collection
from enum import StrEnum
from math import comb

from pydantic import BaseModel, ConfigDict

from .colour import Colour

UNLIKELY = 0.01  # a number of failures that the old ratio gives less often than this is none of chance
ENOUGH = 20  # finished articles before a canary passes


class CanaryVerdict(StrEnum):
    """What is to be done with a canary."""

    REFUSED = "refused"
    PASSED = "passed"
    WAITING = "waiting"  # too few yet, and there is time
    INCONCLUSIVE = "inconclusive"  # the time is up: ask a person


class CanaryReason(StrEnum):
    """Why a canary was refused, or what is missing."""

    WORKER_GONE = "worker_gone"
    WORKFLOW_TASKS_FAIL = "workflow_tasks_fail"  # NondeterminismError for one
    UNKNOWN_ERROR = "unknown_error"
    TOO_MANY_FAILURES = "too_many_failures"
    TOO_FEW_ARTICLES = "too_few_articles"


class Side(BaseModel):
    """What one colour made, without what an outage ended.

    Attributes:
        failed: how many of ``finished``, by the type of their error.
        outages: articles that an outage ended; counted in neither.
        cost_usd: median of an article, None where nothing is priced.
        seconds: median from an article's first call to its end.
        findings: mean number of an article.
    """

    model_config = ConfigDict(frozen=True)

    colour: Colour
    finished: int = 0
    failed: dict[str, int] = {}
    outages: int = 0
    cost_usd: float | None = None
    seconds: float | None = None
    findings: float | None = None

    @property
    def failures(self) -> int:
        """Return how many articles failed for good."""
        return sum(self.failed.values())


class CanaryJudgement(BaseModel):
    """Verdict, with the numbers that it comes from.

    Attributes:
        allowed: so many failures are still chance; None before there is an article.
        detail: the error type, the workflow or the worker, where one is the reason.
    """

    model_config = ConfigDict(frozen=True)

    verdict: CanaryVerdict
    reason: CanaryReason | None = None
    detail: str | None = None
    old: Side
    new: Side
    allowed: int | None = None


class CanaryEvidence(BaseModel):
    """What is known of a canary at a moment."""

    model_config = ConfigDict(frozen=True)

    old: Side  # also from before the canary: one ratio, and more articles
    new: Side  # since the canary began
    known_errors: frozenset[str] = frozenset()  # error types of the old colour
    workers_alive: int = 1  # of the new colour
    stuck: tuple[str, ...] = ()  # its workflows whose tasks fail


def judge(evidence: CanaryEvidence, *, is_over: bool) -> CanaryJudgement:
    """Return the verdict; ``is_over`` once the canary's time is up."""
    new = evidence.new
    verdict, reason, detail = _judge(evidence, is_over=is_over)
    allowed = surprising(new.finished, expected_ratio(evidence.old)) - 1 if new.finished else None
    return CanaryJudgement(verdict=verdict, reason=reason, detail=detail, old=evidence.old, new=new, allowed=allowed)


def _judge(evidence: CanaryEvidence, *, is_over: bool) -> tuple[CanaryVerdict, CanaryReason | None, str | None]:
    if refusal := _refusal(evidence):
        return CanaryVerdict.REFUSED, *refusal
    if evidence.new.finished >= ENOUGH:
        return CanaryVerdict.PASSED, None, None
    verdict = CanaryVerdict.INCONCLUSIVE if is_over else CanaryVerdict.WAITING
    return verdict, CanaryReason.TOO_FEW_ARTICLES, None


def _refusal(evidence: CanaryEvidence) -> tuple[CanaryReason, str | None] | None:
    """Return why the canary is refused, and the detail."""
    new = evidence.new
    if not evidence.workers_alive:
        return CanaryReason.WORKER_GONE, None
    if evidence.stuck:
        return CanaryReason.WORKFLOW_TASKS_FAIL, evidence.stuck[0]
    if unknown := _unknown(new.failed, evidence.known_errors):
        return CanaryReason.UNKNOWN_ERROR, unknown
    if new.failures and new.failures >= surprising(new.finished, expected_ratio(evidence.old)):
        return CanaryReason.TOO_MANY_FAILURES, None
    return None


def _unknown(failed: Collection[str], known: Collection[str]) -> str | None:
    return next((each for each in sorted(failed) if each not in known), None)


def expected_ratio(old: Side) -> float:
    """Return the share of articles that fails on the old colour.

    It is the rule of succession: no failure among few articles does not mean that none ever fails.
    """
    return (old.failures + 1) / (old.finished + 2)


def surprising(articles: int, ratio: float) -> int:
    """Return the smallest number of failures that is no chance.

    It may be one more than there are.
    """
    return next(k for k in range(1, articles + 2) if chance_of(k, articles, ratio) < UNLIKELY)


def chance_of(failures: int, articles: int, ratio: float) -> float:
    """Return the chance of at least so many failures: a binomial's tail."""
    fewer = sum(comb(articles, k) * ratio**k * (1 - ratio) ** (articles - k) for k in range(failures))
    return max(0.0, 1 - fewer) if failures <= articles else 0.0
