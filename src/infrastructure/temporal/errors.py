"""Translate our errors into Temporal failures at the worker's edge.

A failure carries its type and whether it is retryable.
"""

import random
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from src.domain.errors import LongtailError, ModelOverloaded
from src.domain.rate_limit import LONGEST_RETRY_AFTER, SHORTEST_RETRY_AFTER
from src.domain.text import storable
from src.infrastructure.database.errors import describe

from . import policies

_OVERLOAD_DELAY = timedelta(seconds=5)  # a provider without capacity needs longer than the policy's first second


class TranslatesErrors(Interceptor):
    """Turns every LongtailError of an activity into an ApplicationError of that type."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap the activity."""
        return _Inbound(next)


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        attempt = activity.info().attempt
        try:
            return await super().execute_activity(input)
        except LongtailError as error:
            raise translated(error, attempt=attempt) from encodable(error)
        except DBAPIError as error:
            failure = describe(error)
            is_final = failure.is_rejection and attempt >= policies.UNKNOWN_ATTEMPTS
            raise translated(failure, attempt=attempt, is_final=is_final) from None  # it may carry a row's values
        except (FailureError, RPCError, PoolTimeout, OSError):
            raise  # they pass, or are Temporal's own
        except Exception as error:  # the worker's edge: a defect, which no further attempt cures
            is_final = attempt >= policies.UNKNOWN_ATTEMPTS
            if not is_final and encodable(error):
                raise
            message, name = storable(str(error)), type(error).__name__
            raise ApplicationError(message, attempt, type=name, non_retryable=is_final) from encodable(error)


def encodable(error: BaseException) -> BaseException | None:
    """Return the error, None if Temporal cannot encode it.

    Its causes are encoded too. An attempt whose failure cannot be encoded would never end.
    """
    link: BaseException | None = error
    while link is not None:
        if storable(str(link)) != str(link):
            return None
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return error


def translated(
    error: LongtailError, *, attempt: int, is_final: bool = False, delay: timedelta | None = None
) -> ApplicationError:
    """Return the failure that Temporal sees.

    Its type is the class's name, its detail the attempt. With ``is_final`` it is not retried, whatever its class says.
    ``delay`` is how long to wait if the other side names no time.
    """
    return ApplicationError(
        storable(error.message),
        attempt,
        type=type(error).__name__,
        non_retryable=is_final or not error.retryable,
        next_retry_delay=_delay(error, attempt, delay) if error.retryable else None,
    )


def _delay(error: LongtailError, attempt: int, default: timedelta | None) -> timedelta | None:
    """Return the requested delay, clamped and spread.

    None leaves it to the policy.
    """
    delay = error.retry_after or default
    if delay is None and isinstance(error, ModelOverloaded):
        delay = _OVERLOAD_DELAY * 2 ** (attempt - 1)
    if delay is None:
        return None
    clamped = min(max(delay, SHORTEST_RETRY_AFTER), LONGEST_RETRY_AFTER)
    return clamped * (1 + random.random() * policies.RETRY_AFTER_JITTER)  # noqa: S311 - spreads load, keeps no secret
