"""Metrics and traces of a process, each or none."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from src.agents.language_model import Prompt
from src.infrastructure.database.model_calls import CallRequest, CallResult

from .run import Attributes, Run
from .trace_ids import in_hex, trace_id_of

if TYPE_CHECKING:
    from .metrics import WorkerMetrics
    from .traces import Traces

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """What is told of work; None is switched off, and costs nothing."""

    metrics: "WorkerMetrics | None" = None
    traces: "Traces | None" = None

    def call_closed(
        self, request: CallRequest, result: CallResult, prompt: Prompt, *, endpoint: str | None = None
    ) -> None:
        """Count and trace a model call that ended just now."""
        try:
            if self.metrics is not None:
                self.metrics.call_closed(request, result)
            if self.traces is not None:
                self.traces.call_closed(request, result, prompt, endpoint=endpoint)
        except Exception:  # a paid answer is about to be stored, and nothing told of it may cost it
            log.exception("call_not_told")

    @contextmanager
    def activity(self, name: str, run: Run, attributes: Attributes) -> Iterator[None]:
        """Let the block be a span of the run."""
        if self.traces is None:
            yield
            return
        with self.traces.activity(name, run, attributes):
            yield

    @contextmanager
    def request(self, name: str, subject: str, attributes: Attributes) -> Iterator[None]:
        """Let the block, which asks Temporal, be a span of the subject."""
        if self.traces is None:
            yield
            return
        with self.traces.request(name, subject, attributes):
            yield

    def trace_of(self, subject: str) -> dict[str, str]:
        """Return the subject's trace for the log, if traces are sent."""
        return {"trace_id": in_hex(trace_id_of(subject))} if self.traces is not None else {}


OFF = Telemetry()
