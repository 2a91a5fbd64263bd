"""The transaction boundary: one longtail, one stage, one unit of work.

No failure reaches the rows of another.

Never hold one across articles, tasks or a model call. A failure is recorded in a fresh one.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeVar

from asyncpg.exceptions import (  # type: ignore[import-untyped]
    DeadlockDetectedError,
    InvalidCachedStatementError,
    SerializationError,
)
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from .alerts import AlertRepository
from .answering_models import AnsweringModelRepository
from .api_tokens import ApiTokenRepository
from .articles import ArticleRepository
from .audit import AuditRepository
from .backlog import BacklogRepository
from .batch_progress import BatchProgressRepository
from .batches import BatchRepository
from .call_lists import CallListRepository
from .colour_facts import ColourFactsRepository
from .comments import CommentRepository
from .decisions import DecisionRepository
from .deployments import DeploymentRepository
from .failed_logins import FailedLoginRepository
from .findings import FindingRepository
from .holds import HoldRepository
from .idempotency_keys import IdempotencyKeyRepository
from .longtails import LongtailRepository
from .model_calls import ModelCallRepository
from .overview import OverviewRepository
from .probes import ProbeRepository, SessionWithoutProbes
from .progress_steps import ProgressStepRepository
from .provider_limits import ProviderLimitRepository
from .publications import PublicationRepository
from .review_queue import QueueRepository
from .reviews import ReviewRepository
from .revisions import RevisionRepository
from .routing import RoutingRepository
from .schedules import ScheduleRepository
from .sessions import SessionRepository
from .sites import SiteRepository
from .stage_failures import StageFailureRepository
from .stage_outputs import StageOutputRepository
from .today import TodayRepository
from .unfinished import UnfinishedRepository
from .users import UserRepository
from .watchdog import WatchdogRepository
from .workers import WorkerRepository

T = TypeVar("T")

_TRANSIENT = (InvalidCachedStatementError, SerializationError, DeadlockDetectedError)


class UnitOfWork:
    """One session, one transaction, and the repositories that work in it.

    ``autocommit=True`` (a request, a command) commits on a clean exit. ``autocommit=False`` (a worker) keeps nothing
    unless ``commit`` was called. Anything else rolls back. What a deployment's probe makes is there for who
    ``sees_probes`` alone.
    """

    def __init__(self, engine: AsyncEngine, *, autocommit: bool, sees_probes: bool = False) -> None:
        kind = Session if sees_probes else SessionWithoutProbes
        self._session = AsyncSession(engine, expire_on_commit=False, sync_session_class=kind)
        self._autocommit = autocommit
        self.sites = SiteRepository(self._session)
        self.longtails = LongtailRepository(self._session)
        self.batches = BatchRepository(self._session)
        self.answering_models = AnsweringModelRepository(self._session)
        self.articles = ArticleRepository(self._session)
        self.revisions = RevisionRepository(self._session)
        self.findings = FindingRepository(self._session)
        self.queue = QueueRepository(self._session)
        self.call_lists = CallListRepository(self._session)
        self.reviews = ReviewRepository(self._session)
        self.decisions = DecisionRepository(self._session)
        self.comments = CommentRepository(self._session)
        self.publications = PublicationRepository(self._session)
        self.holds = HoldRepository(self._session)
        self.probes = ProbeRepository(self._session)
        self.provider_limits = ProviderLimitRepository(self._session)
        self.deployments = DeploymentRepository(self._session)
        self.colours = ColourFactsRepository(self._session)
        self.routing = RoutingRepository(self._session)
        self.schedules = ScheduleRepository(self._session)
        self.stage_failures = StageFailureRepository(self._session)
        self.stage_outputs = StageOutputRepository(self._session)
        self.workers = WorkerRepository(self._session)
        self.model_calls = ModelCallRepository(self._session)
        self.watchdog = WatchdogRepository(self._session)
        self.alerts = AlertRepository(self._session)
        self.unfinished = UnfinishedRepository(self._session)
        self.audit = AuditRepository(self._session)
        self.users = UserRepository(self._session)
        self.sessions = SessionRepository(self._session)
        self.failed_logins = FailedLoginRepository(self._session)
        self.api_tokens = ApiTokenRepository(self._session)
        self.idempotency_keys = IdempotencyKeyRepository(self._session)
        self.progress_steps = ProgressStepRepository(self._session)
        self.overview = OverviewRepository(self._session)
        self.batch_progress = BatchProgressRepository(self._session)
        self.today = TodayRepository(self._session)
        self.backlog = BacklogRepository(self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._autocommit:
                await self._session.commit()
        finally:
            await self._session.close()  # rolls back what was not committed

    async def commit(self) -> None:
        """Keep what was done so far."""
        await self._session.commit()

    def savepoint(self) -> AbstractAsyncContextManager[object]:
        """Return a context that takes back its changes if it raises.

        What was done before it stays.
        """
        return self._session.begin_nested()


class Database:
    """Where units of work come from.

    Built once per process, closed at its end.
    """

    def __init__(self, engine: AsyncEngine, *, sees_probes: bool = False) -> None:
        self.engine = engine
        self._sees_probes = sees_probes
        self._without_transactions = engine.execution_options(isolation_level="AUTOCOMMIT")  # the same connections

    def seeing_probes(self) -> Self:
        """Return the same database for who makes a deployment's probe."""
        return type(self)(self.engine, sees_probes=True)

    def unit_of_work(self, *, autocommit: bool = True) -> UnitOfWork:
        """Return a new unit of work, to be entered with ``async with``."""
        return self._unit_of_work(self.engine, autocommit=autocommit)

    async def run_in_transaction(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run ``work`` in one transaction; repeat it once if necessary.

        Only transient faults are repeated: a statement cached before a migration, a lost serialisation race, a
        connection that the server closed while it was idle.
        """
        return await self._commit_with_retry(self.engine, work)

    async def run_autocommit(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run ``work`` as ``commit`` does, if it is one statement.

        One round trip instead of three.

        PostgreSQL makes every statement a transaction of its own; a second one in ``work`` would be another.
        """
        return await self._commit_with_retry(self._without_transactions, work)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    async def _commit_with_retry(self, engine: AsyncEngine, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        try:
            return await self._committed(engine, work)
        except DBAPIError as error:
            if not is_transient(error):
                raise
        return await self._committed(engine, work)

    async def _committed(self, engine: AsyncEngine, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self._unit_of_work(engine, autocommit=False) as uow:
            result = await work(uow)
            await uow.commit()
            return result

    def _unit_of_work(self, engine: AsyncEngine, *, autocommit: bool) -> UnitOfWork:
        return UnitOfWork(engine, autocommit=autocommit, sees_probes=self._sees_probes)


def is_transient(error: DBAPIError) -> bool:
    """Return whether repeating the whole transaction can succeed at once."""
    return (
        error.connection_invalidated
        or isinstance(error, InterfaceError)
        # Not error.driver_exception, which is a ValueError for InvalidCachedStatementError.
        or isinstance(error.orig.__cause__ if error.orig else None, _TRANSIENT)
    )
