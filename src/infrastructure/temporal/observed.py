"""Counts, traces and names what runs, at the worker's edge.

Nothing of it is in a history: ids of traces follow from ids of workflows, so no header carries them, and a replay has
nothing to compare (docs/decisions/0024).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypedDict, cast

from structlog.contextvars import bind_contextvars
from temporalio import activity, workflow
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.client import OutboundInterceptor, SignalWorkflowInput, StartWorkflowInput, WorkflowHandle
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from src.domain.article import ArticleStatus
from src.domain.publishing import PublicationStatus
from src.domain.stages import Stage
from src.infrastructure.telemetry import labels
from src.infrastructure.telemetry.run import Run
from src.infrastructure.telemetry.telemetry import OFF, Telemetry

from . import ids
from .activities.articles import ArticleActivities
from .activities.publishing import PublishingActivities
from .activities.stages import StageActivities

if TYPE_CHECKING:
    from src.infrastructure.telemetry.metrics import WorkerMetrics

_STAGES = {
    StageActivities.analyse_keyword.__name__: Stage.KEYWORD_ANALYSIS,
    StageActivities.plan_outline.__name__: Stage.OUTLINE,
    StageActivities.write_article.__name__: Stage.ARTICLE,
    StageActivities.describe_article.__name__: Stage.SEO_METADATA,
}
_ENDS = {
    ArticleActivities.save_article.__name__: ArticleStatus.NEEDS_REVIEW,
    ArticleActivities.record_failure.__name__: ArticleStatus.FAILED,
    ArticleActivities.record_cancellation.__name__: ArticleStatus.CANCELLED,
}
_PUBLISHES = PublishingActivities.carry_out_publication.__name__


class Observed(Interceptor):
    """Binds ids to log lines, counts what runs, makes spans of it."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wrap the activity."""
        return _Activity(next, self._telemetry)

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - Temporal's signature
    ) -> type[WorkflowInboundInterceptor] | None:
        """Wrap workflows where traces are sent; else they cost nothing."""
        if self._telemetry.traces is None:
            return None
        input.unsafe_extern_functions["longtail_run_ended"] = self._record_run
        return _Workflow

    def _record_run(self, info: workflow.Info, error_type: str | None) -> None:
        """Record a run that ends now.

        A workflow's own clock stands still while a task lasts.
        """
        begun_by = [
            _run(info.parent.workflow_id, info.parent.run_id) if info.parent else None,
            _run(info.workflow_id, info.continued_run_id) if info.continued_run_id else None,
        ]
        if self._telemetry.traces is not None:
            self._telemetry.traces.record_run(
                info.workflow_type,
                _run(info.workflow_id, info.run_id),
                began_at=info.workflow_start_time.timestamp(),
                ended_at=time.time(),
                begun_by=[each for each in begun_by if each is not None],
                error_type=error_type,
            )


class _Activity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, telemetry: Telemetry) -> None:  # noqa: A002
        super().__init__(next)
        self._telemetry = telemetry

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        info = activity.info()
        bind_contextvars(workflow_id=info.workflow_id, run_id=info.workflow_run_id)  # of this activity's own task
        if self._telemetry == OFF:
            return await super().execute_activity(input)
        run = _run(str(info.workflow_id), str(info.workflow_run_id))
        bind_contextvars(**self._telemetry.trace_of(run.subject))
        stage = _STAGES.get(info.activity_type)
        name = f"stage {stage}" if stage else info.activity_type
        with self._telemetry.activity(name, run, _attributes(info, stage)):
            metrics = None if _is_internal(input.args) else self._telemetry.metrics
            if metrics is None:
                return await super().execute_activity(input)
            async with _counted(metrics, stage, info):
                result = await super().execute_activity(input)
            _count(metrics, info.activity_type, result)
            return result


def _is_internal(arguments: Sequence[object]) -> bool:
    """Return whether the site is our own, which no figure shows."""
    request = arguments[0] if arguments else None
    site = getattr(getattr(request, "article", request), "site", "")
    return isinstance(site, str) and site.startswith(labels.INTERNAL)


def _count(metrics: "WorkerMetrics", name: str, result: object) -> None:
    """Count an article or a publication that came to an end."""
    if name in _ENDS:
        metrics.article_ended(_ENDS[name])
    elif name == _PUBLISHES:
        metrics.publication_carried_out(PublicationStatus(cast(str, result)))


@asynccontextmanager
async def _counted(metrics: "WorkerMetrics", stage: Stage | None, info: activity.Info) -> AsyncIterator[None]:
    """Count a stage's attempt by how the block ends."""
    if stage is None:
        yield
        return
    began, outcome = time.monotonic(), "done"
    try:
        with metrics.slot_used():
            yield
    except BaseException as error:
        outcome = _outcome(error)
        if outcome != _CANCELLED:
            metrics.stage_failed(stage, labels.error_type(error), is_final=outcome == _FAILED)
        raise
    finally:
        waited = (info.started_time - info.current_attempt_scheduled_time).total_seconds()
        metrics.stage_ended(stage, outcome, seconds=time.monotonic() - began, waited=waited)


_CANCELLED, _FAILED, _RETRIED = "cancelled", "failed", "retried"


def _outcome(error: BaseException) -> str:
    if is_cancelled_exception(error) or not isinstance(error, Exception):
        return _CANCELLED
    return _FAILED if isinstance(error, ApplicationError) and error.non_retryable else _RETRIED


def _run(workflow_id: str, run_id: str) -> Run:
    return Run(workflow_id=workflow_id, run_id=run_id, subject=ids.subject_of(workflow_id))


def _attributes(info: activity.Info, stage: Stage | None) -> dict[str, str | int]:
    known: dict[str, str | int | None] = {
        "temporalActivityID": info.activity_id,
        "longtail.attempt": info.attempt,
        "longtail.article": ids.article_of(str(info.workflow_id)),
        "longtail.stage": stage.value if stage else None,
    }
    return {name: value for name, value in known.items() if value is not None}


class _ExternFunctions(TypedDict):
    longtail_run_ended: Callable[[workflow.Info, str | None], None]


class _Workflow(WorkflowInboundInterceptor):
    """Tells of a run that ends, once: not when it is replayed."""

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        try:
            result = await super().execute_workflow(input)
        except workflow.NondeterminismError:
            raise  # the run goes on with another worker
        except workflow.ContinueAsNewError:
            _tell_end(None)
            raise
        except asyncio.CancelledError:
            if workflow.cancellation_reason() is not None:  # else the worker forgets the run, which goes on
                _tell_end("Cancelled")
            raise
        except Exception as error:
            _tell_end(labels.error_type(error))
            raise
        _tell_end(None)
        return result


def _tell_end(error_type: str | None) -> None:
    if not workflow.unsafe.is_replaying():
        functions = cast(_ExternFunctions, workflow.extern_functions())
        functions["longtail_run_ended"](workflow.info(), error_type)


class Asks(ClientInterceptor):
    """Makes spans of what is asked of workflows, in their traces."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Wrap the client."""
        return _Client(next, self._telemetry)


class _Client(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, telemetry: Telemetry) -> None:  # noqa: A002
        super().__init__(next)
        self._telemetry = telemetry

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        verb = f"signal {input.start_signal}" if input.start_signal else "start"
        with self._telemetry.request(f"{verb} {input.workflow}", ids.subject_of(input.id), _asked(input.id)):
            return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        with self._telemetry.request(f"signal {input.signal}", ids.subject_of(input.id), _asked(input.id)):
            await super().signal_workflow(input)


def _asked(workflow_id: str) -> dict[str, str]:
    article = ids.article_of(workflow_id)
    return {"temporalWorkflowID": workflow_id, **({"longtail.article": article} if article else {})}
