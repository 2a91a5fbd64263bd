"""The worker's edge: what Temporal's history gets of an error, and whether it is tried again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from src.domain.errors import ModelRateLimited, OutputRejected
from src.infrastructure.temporal import policies
from src.infrastructure.temporal.errors import TranslatesErrors

ASKED: Any = None  # the interceptor hands it on unread


class Raises(ActivityInboundInterceptor):
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        raise self._error


async def failure_of(error: Exception) -> ApplicationError:
    inbound = TranslatesErrors().intercept_activity(Raises(error))
    with pytest.raises(ApplicationError) as raised:
        await ActivityEnvironment().run(inbound.execute_activity, ASKED)
    return raised.value


async def test_a_failure_has_the_type_of_the_error_and_its_attempt() -> None:
    failure = await failure_of(OutputRejected("B", ["no h1"]))
    assert (failure.type, failure.non_retryable, failure.details) == ("OutputRejected", True, (1,))


async def test_a_provider_says_when_to_come_back() -> None:
    failure = await failure_of(ModelRateLimited("slow down", retry_after=timedelta(days=1)))
    assert not failure.non_retryable
    assert failure.next_retry_delay is not None
    assert failure.next_retry_delay <= policies.LONGEST_RETRY_AFTER * (1 + policies.RETRY_AFTER_JITTER)


async def test_a_database_error_is_tried_again_and_shows_no_values() -> None:
    original = ValueError("duplicate key: Key (phrase)=(a secret keyword) already exists")
    failure = await failure_of(IntegrityError("INSERT INTO longtails …", {"phrase": "a secret keyword"}, original))
    assert (failure.type, failure.non_retryable) == ("DatabaseFailed", False)
    assert "secret" not in str(failure)
    assert failure.__cause__ is None
