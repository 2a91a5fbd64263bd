"""Finds the cause in Temporal's nested failures."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, TimeoutError, TimeoutType  # noqa: A004 - Temporal's

with workflow.unsafe.imports_passed_through():
    from src.domain.text import storable

_TIMEOUTS = {
    TimeoutType.START_TO_CLOSE: ("TimedOut", "no result within the time that one attempt has"),
    TimeoutType.SCHEDULE_TO_CLOSE: ("TimedOut", "no result within the time that all attempts have together"),
    TimeoutType.SCHEDULE_TO_START: ("TimedOut", "no worker took it in time"),
    TimeoutType.HEARTBEAT: (
        "WorkerLost",
        "its worker stopped sending heartbeats, and so did those that tried after it",
    ),
}


def cause_of(error: BaseException) -> tuple[str, str, int]:
    """Return the innermost known cause: type, message, attempts.

    Attempts are 0 where they are unknown.
    """
    cause: BaseException = error
    while isinstance(cause, FailureError) and cause.cause is not None and not isinstance(cause, ApplicationError):
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        attempt = cause.details[0] if cause.details and isinstance(cause.details[0], int) else 0
        return cause.type or "ApplicationError", storable(cause.message), attempt
    if isinstance(cause, TimeoutError) and cause.type is not None:
        return *_TIMEOUTS[cause.type], 0
    return type(cause).__name__, storable(str(cause)), 0
