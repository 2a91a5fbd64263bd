"""The worker's edge: what Temporal's history gets of an error, and whether it is tried again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asyncpg.exceptions import (  # type: ignore[import-untyped]  # it ships no types
    AdminShutdownError,
    ConnectionDoesNotExistError,
    DeadlockDetectedError,
    UndefinedColumnError,
    UniqueViolationError,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from src.domain.errors import ModelRateLimited, OutputRejected
from src.domain.rate_limit import LONGEST_RETRY_AFTER
from src.infrastructure.temporal import policies
from src.infrastructure.temporal.errors import TranslatesErrors

UNAVAILABLE = RPCStatusCode.UNAVAILABLE
ASKED: Any = None  # the interceptor hands it on unread


class Raises(ActivityInboundInterceptor):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        raise self._error


async def raised_by(error: Exception, *, attempt: int = 1) -> BaseException:
    inbound = TranslatesErrors().intercept_activity(Raises(error))
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what the tests are about
        await environment.run(inbound.execute_activity, ASKED)
    return raised.value


async def failure_of(error: Exception, *, attempt: int = 1) -> ApplicationError:
    failure = await raised_by(error, attempt=attempt)
    assert isinstance(failure, ApplicationError)
    return failure


async def test_a_failure_has_the_type_of_the_error_and_its_attempt() -> None:
    failure = await failure_of(OutputRejected("B", ["no h1"]))
    assert (failure.type, failure.non_retryable, failure.details) == ("OutputRejected", True, (1,))


async def test_a_provider_says_when_to_come_back() -> None:
    failure = await failure_of(ModelRateLimited("slow down", retry_after=timedelta(days=1)))
    assert not failure.non_retryable
    assert failure.next_retry_delay is not None
    assert failure.next_retry_delay <= LONGEST_RETRY_AFTER * (1 + policies.RETRY_AFTER_JITTER)


async def test_a_database_error_is_tried_again_and_shows_no_values() -> None:
    original = ValueError("duplicate key: Key (phrase)=(a secret keyword) already exists")
    failure = await failure_of(IntegrityError("INSERT INTO longtails …", {"phrase": "a secret keyword"}, original))
    assert (failure.type, failure.non_retryable) == ("DatabaseFailed", False)
    assert "secret" not in str(failure)
    assert failure.__cause__ is None


async def test_a_defect_is_final_after_three_attempts() -> None:
    defect = KeyError("headline")
    assert [await raised_by(defect, attempt=attempt) for attempt in (1, 2)] == [defect, defect]
    failure = await failure_of(defect, attempt=3)
    assert (failure.type, failure.non_retryable, failure.details) == ("KeyError", True, (3,))


@pytest.mark.parametrize("passing", [OSError("no route"), PoolTimeout("pool"), RPCError("away", UNAVAILABLE, b"")])
async def test_what_passes_is_never_final(passing: Exception) -> None:
    assert await raised_by(passing, attempt=100) is passing


@pytest.mark.parametrize(
    ("cause", "is_final"),
    [
        (UniqueViolationError("twice"), True),
        (UndefinedColumnError("gone"), True),
        (AdminShutdownError("restart"), False),
        (DeadlockDetectedError("deadlock"), False),
        (ConnectionDoesNotExistError("away"), False),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_postgresql_rejects_is_final_and_an_outage_is_not(cause: Exception, *, is_final: bool) -> None:
    original = ValueError("driver")
    original.__cause__ = cause
    error = DBAPIError("SELECT 1", {}, original)
    assert not (await failure_of(error)).non_retryable
    assert (await failure_of(error, attempt=3)).non_retryable is is_final


@pytest.mark.parametrize("attempt", [1, 3])
@pytest.mark.parametrize("error", [ValueError("half a character \ud800"), OutputRejected("B", ["\ud800 and \x00"])])
async def test_what_temporal_cannot_encode_is_made_fit(error: Exception, attempt: int) -> None:
    failure = await failure_of(error, attempt=attempt)
    assert failure.type == type(error).__name__
    assert failure.message.encode()
    assert "\x00" not in failure.message
    assert failure.__cause__ is None  # its text is the same
