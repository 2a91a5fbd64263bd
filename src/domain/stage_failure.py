"""Failures of a stage: which are waited for, and how long.

And what they mean for the other articles of a batch.
"""

from datetime import timedelta
from enum import StrEnum

from .errors import (
    HALTING,
    LongtailError,
    ModelLimited,
    ModelOverloaded,
    ModelRateLimited,
    ModelResponseMalformed,
    ModelStreamTruncated,
    ModelTimedOut,
    ModelUnavailable,
    ModelUnreachable,
)

_OUTAGES = (ModelOverloaded, ModelRateLimited, ModelUnavailable, ModelUnreachable)
_LONGEST_DELAY = timedelta(seconds=30)  # an outage that is over is noticed within it


class FailureKind(StrEnum):
    """What a failure means for the stage."""

    OUTAGE = "outage"  # a limit or an outage of the provider: waited for, for hours
    PAID = "paid"  # the call may have been paid for, and gave no answer
    DEFECT = "defect"  # an error that no provider and no person made
    LOST = "lost"  # its worker ended during the call


class Verdict(StrEnum):
    """What an article's failure means for the others of its batch."""

    HALT = "halt"  # key, account or model: each would fail alike
    OUTAGE = "outage"  # it was waited for; later it may work
    ORDINARY = "ordinary"


_MOST = {FailureKind.PAID: 2, FailureKind.DEFECT: 3, FailureKind.LOST: 3}


def kind_of(error: Exception) -> FailureKind | None:
    """Return how the error counts.

    None: it does not, since it is final at once or passes with the next attempt.
    """
    if isinstance(error, ModelTimedOut):
        has_begun = error.usage is not None or error.model is not None or error.request_id is not None
        return FailureKind.PAID if has_begun else FailureKind.OUTAGE
    if isinstance(error, ModelLimited):  # a stage in a provider's line waits; it does not fail
        return FailureKind.OUTAGE if error.is_out_of_order else None
    if isinstance(error, _OUTAGES):  # in the middle of an answer it is paid for each time
        return FailureKind.PAID if error.has_content else FailureKind.OUTAGE
    if isinstance(error, ModelStreamTruncated | ModelResponseMalformed):
        return FailureKind.PAID
    return None if isinstance(error, LongtailError | OSError) else FailureKind.DEFECT


def verdict_on(error_type: str) -> Verdict:
    """Return what a failure of this type means for the batch."""
    if error_type in _HALTING_TYPES:
        return Verdict.HALT
    return Verdict.OUTAGE if error_type in _OUTAGE_TYPES else Verdict.ORDINARY


_HALTING_TYPES = {error.__name__ for error in HALTING}
_OUTAGE_TYPES = {error.__name__ for error in (*_OUTAGES, ModelLimited)}


def is_final(
    kind: FailureKind, *, failures: int, lasting: timedelta = timedelta(0), patience: timedelta = timedelta(0)
) -> bool:
    """Return whether the stage gives up.

    ``failures`` counts those of this kind since the article was started, ``lasting`` is the time since the first.
    Outages end after ``patience``, however often they were met.
    """
    if kind is FailureKind.OUTAGE:
        return lasting > patience
    return failures >= _MOST[kind]


def delay_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures.

    It is 1, 2, 4 … 30 s.
    """
    return min(timedelta(seconds=2 ** min(failures - 1, 10)), _LONGEST_DELAY)
