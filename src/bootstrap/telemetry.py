"""Switches on the metrics and traces of a process that stays.

Their libraries are imported when they are wanted, as elsewhere in this room.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import structlog

from src.domain.colour import Colour
from src.domain.errors import InputInvalid
from src.infrastructure.database.backlog import Backlog
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.telemetry.telemetry import OFF, Telemetry
from src.infrastructure.telemetry.variables import OpenTelemetryVariables
from src.infrastructure.workers.registration import LEASE
from src.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from temporalio.client import Interceptor
    from temporalio.runtime import Runtime

    from src.infrastructure.telemetry.metrics import ApiMetrics, Metrics
    from src.infrastructure.telemetry.traces import Traces

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that stays, as those who watch it know it."""

    kind: Literal["worker", "api"]
    instance: str
    colour: Colour | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessTelemetry:
    """What a process tells; nothing by default.

    Attributes:
        work: of activities and model calls.
        requests: of requests to the API.
        registry: of its metrics, where they are served.
        runtime: Temporal's, where it counts too.
    """

    work: Telemetry = OFF
    requests: "ApiMetrics | None" = None
    registry: "CollectorRegistry | None" = None
    runtime: "Runtime | None" = None

    @property
    def traces(self) -> "Traces | None":
        """Return the spans of this process."""
        return self.work.traces

    def begin_request(self, request_id: str) -> dict[str, str]:
        """Name the request in its span; return its trace for the log."""
        return {} if self.traces is None else self.traces.begin_request(request_id)

    @property
    def interceptors(self) -> "Sequence[Interceptor]":
        """Return what Temporal's clients of this process tell by."""
        if self.traces is None:
            return ()
        from src.infrastructure.temporal.observed import Asks  # noqa: PLC0415 - Temporal's library

        return (Asks(self.work),)


@asynccontextmanager
async def open_telemetry(settings: Settings, process: Process) -> AsyncIterator[ProcessTelemetry]:
    """Serve metrics and send traces until the block ends.

    Each only if the settings say so.     Raises InputInvalid when metrics cannot be served at the host.
    """
    with ExitStack() as stack:
        traces = _open_traces(settings, process)
        if traces is not None:
            stack.callback(traces.close)
        if settings.metrics_port is None:
            yield ProcessTelemetry(work=Telemetry(traces=traces))
            return
        yield _serve_metrics(stack, settings, process, traces)


def _serve_metrics(stack: ExitStack, settings: Settings, process: Process, traces: "Traces | None") -> ProcessTelemetry:
    from src.infrastructure.telemetry import sdk_metrics  # noqa: PLC0415 - see above
    from src.infrastructure.telemetry.metrics import ApiMetrics, WorkerMetrics  # noqa: PLC0415
    from src.infrastructure.telemetry.metrics_server import LoopLag, MetricsServer  # noqa: PLC0415
    from src.infrastructure.temporal.sdk_runtime import serving_metrics  # noqa: PLC0415

    work: WorkerMetrics | None = WorkerMetrics(settings) if process.kind == "worker" else None
    requests: ApiMetrics | None = ApiMetrics(settings) if process.kind == "api" else None
    metrics: Metrics | None = work or requests
    assert metrics is not None  # noqa: S101 - a process is one of the two
    metrics.name(**_identity(settings, process))
    runtime, address = serving_metrics(sdk_metrics.choose_address)
    metrics.registry.register(sdk_metrics.SdkMetrics(address))
    metrics.registry.register(LoopLag(asyncio.get_running_loop()))
    assert settings.metrics_port is not None  # noqa: S101 - it was asked for
    try:
        server = MetricsServer(metrics.registry, host=settings.metrics_host, port=settings.metrics_port)
    except OSError as error:
        host = settings.metrics_host
        raise InputInvalid(
            "metrics host", host, f"{error.strerror or error}; choose an address of this machine"
        ) from error
    stack.callback(server.close)
    return ProcessTelemetry(
        work=Telemetry(metrics=work, traces=traces), requests=requests, registry=metrics.registry, runtime=runtime
    )


def show_backlog(telemetry: ProcessTelemetry, database: Database) -> None:
    """Let metrics show what waits in the database, where they are served."""
    if telemetry.registry is None:
        return
    from src.infrastructure.telemetry.backlog_metrics import BacklogMetrics  # noqa: PLC0415 - see above

    async def read() -> Backlog:
        return await database.run_in_transaction(lambda uow: uow.backlog.read(alive=LEASE))

    telemetry.registry.register(BacklogMetrics(read, asyncio.get_running_loop()))


def _open_traces(settings: Settings, process: Process) -> "Traces | None":
    variables = OpenTelemetryVariables()
    if not variables.has_endpoint:
        return None
    if variables.unsupported is not None:  # a worker writes articles all the same
        log.warning("traces_not_sent", because=f"{variables.unsupported}; only otlp over http/protobuf is built in")
        return None
    from src.infrastructure.telemetry.traces import Traces  # noqa: PLC0415 - see above

    facts = _identity(settings, process)
    identity = {
        "service.name": f"longtail-{process.kind}",
        "service.instance.id": facts["instance"],
        "service.version": facts["commit"],
        "longtail.colour": facts["colour"],
    }
    traces = Traces({name: value for name, value in identity.items() if value}, with_prompts=settings.trace_prompts)
    log.info("traces_sent", host=variables.host)
    return traces


def _identity(settings: Settings, process: Process) -> dict[str, str]:
    from src.infrastructure.workers.code_version import code_version  # noqa: PLC0415 - it may ask git

    return {
        "kind": process.kind,
        "instance": process.instance,
        "colour": process.colour or "",
        "commit": code_version(settings.commit),
    }
