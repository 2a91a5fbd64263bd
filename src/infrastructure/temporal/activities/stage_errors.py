"""Decides which errors of a stage are final."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from temporalio.exceptions import ApplicationError, FailureError

from src.domain.article import ArticleRef
from src.domain.errors import LongtailError, WorkerLost
from src.domain.stage_failure import FailureKind, delay_after, is_final, kind_of
from src.domain.stages import Stage
from src.domain.text import storable
from src.infrastructure.database.errors import describe
from src.infrastructure.database.unit_of_work import Database

from ..errors import encodable, translated

log = structlog.get_logger()

_AGAIN = timedelta(seconds=1)  # after which an attempt looks whether the database answers
_LONGEST_MESSAGE = 500  # characters kept


class StageErrors:
    """Errors of stages: recorded, then raised as Temporal's.

    Temporal's attempts are not limited, because waiting is no failure. Rows count what is.
    """

    def __init__(self, database: Database, *, patience: timedelta) -> None:
        self._database = database
        self._patience = patience

    @asynccontextmanager
    async def recorded(self, article: ArticleRef, stage: Stage) -> AsyncIterator[None]:
        """Record an error of the block, and raise it as Temporal's."""
        try:
            yield
        except (FailureError, PoolTimeout, OSError) as error:
            if isinstance(error, FailureError):
                raise
            raise ApplicationError(type(error).__name__, type=type(error).__name__, next_retry_delay=_AGAIN) from None
        except DBAPIError as error:
            failure = describe(error)
            if not failure.is_rejection:
                raise translated(failure, attempt=1, delay=_AGAIN) from None  # it may carry a row's values
            raise await self._judged(failure, FailureKind.DEFECT, article, stage) from None
        except LongtailError as error:
            kind = kind_of(error)
            if kind is None:
                attempt = error.lost if isinstance(error, WorkerLost) else 1
                raise translated(error, attempt=attempt) from encodable(error)
            raise await self._judged(error, kind, article, stage) from encodable(error)
        except Exception as error:  # noqa: BLE001 - a defect: it is counted, and raised as Temporal's
            raise await self._judged(error, FailureKind.DEFECT, article, stage) from encodable(error)

    async def _judged(self, error: Exception, kind: FailureKind, article: ArticleRef, stage: Stage) -> ApplicationError:
        """Return the error as Temporal's, after it was counted."""
        name = type(error).__name__
        message = storable(error.message if isinstance(error, LongtailError) else str(error))
        try:
            found = await self._database.run_autocommit(
                lambda uow: uow.stage_failures.record(
                    article, stage, kind, error_type=name, message=message[:_LONGEST_MESSAGE]
                )
            )
        except (DBAPIError, PoolTimeout, OSError) as unrecorded:
            log.warning("failure_not_recorded", error=name, because=type(unrecorded).__name__)
            return ApplicationError(message, 1, type=name, next_retry_delay=_AGAIN)
        final = is_final(kind, failures=found.failures, lasting=found.lasting, patience=self._patience)
        delay = delay_after(found.failures)
        if isinstance(error, LongtailError):
            return translated(error, attempt=found.failures, is_final=final, delay=delay)
        return ApplicationError(message, found.failures, type=name, non_retryable=final, next_retry_delay=delay)
