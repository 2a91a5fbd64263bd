"""Spans of OpenTelemetry.

Nothing here is global: what other libraries would trace by themselves stays off, so that a model call is one span.
Errors are named by type alone, since a message may quote a text.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from src.agents.language_model import Prompt, StopReason
from src.infrastructure.database.model_calls import CallRequest, CallResult

from .labels import error_type
from .run import Attributes, Run
from .trace_ids import in_hex, span_id_of, trace_id_of

_FLUSH_SECONDS = 5.0  # at the end of a process; spans that a silent collector does not take are lost
_FINISH_REASONS = {StopReason.COMPLETE: "stop", StopReason.TRUNCATED: "length", StopReason.REFUSED: "content_filter"}
_IN_A_MILLISECOND = 1_000_000  # nanoseconds


class _ChosenIds(RandomIdGenerator):
    """Gives a span the ids chosen for it, else random ones."""

    def __init__(self) -> None:
        self._chosen: ContextVar[tuple[int | None, int | None]] = ContextVar("chosen_ids", default=(None, None))

    @contextmanager
    def chosen(self, trace_id: int, span_id: int | None = None) -> Iterator[None]:
        token = self._chosen.set((trace_id, span_id))
        try:
            yield
        finally:
            self._chosen.reset(token)

    def generate_trace_id(self) -> int:
        return self._chosen.get()[0] or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self._chosen.get()[1] or super().generate_span_id()


class Traces:
    """The spans of one process, sent by a thread."""

    def __init__(
        self, identity: Attributes, *, with_prompts: bool = False, exporter: SpanExporter | None = None
    ) -> None:
        """``identity`` is the process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.

        Without ``exporter`` the variables of OTLP say where spans go.
        """
        resource = Resource.create(identity).merge(OTELResourceDetector().detect())
        self._ids = _ChosenIds()
        self.provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self.provider.get_tracer("longtail")
        self._with_prompts = with_prompts

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        closing = threading.Thread(target=self.provider.shutdown, daemon=True)
        closing.start()
        closing.join(_FLUSH_SECONDS)

    def begin_request(self, request_id: str) -> dict[str, str]:
        """Name the request in its span; return its trace for the log."""
        span = trace.get_current_span()
        context = span.get_span_context()
        span.set_attribute("longtail.request_id", request_id)
        return {"trace_id": in_hex(context.trace_id)} if context.is_valid else {}

    # --- workflows and activities

    @contextmanager
    def activity(self, name: str, run: Run, attributes: Attributes) -> Iterator[None]:
        """Let the block be a span of the run."""
        its = _attributes_of(run) | dict(attributes)
        with self._span(name, self._within(run), SpanKind.CONSUMER, its):
            yield

    def record_run(
        self,
        name: str,
        run: Run,
        *,
        began_at: float,
        ended_at: float,
        begun_by: Sequence[Run] = (),
        error_type: str | None = None,
    ) -> None:
        """Record a run that ended, by seconds since 1970.

        It has no parent: who began it, or its run before, is linked, since each article has a trace of its own.
        """
        links = [Link(self._context_of(each)) for each in begun_by]
        with self._ids.chosen(trace_id_of(run.subject), span_id_of(run.run_id)):
            span = self._tracer.start_span(
                name, Context(), links=links, start_time=_nanoseconds(began_at), attributes=_attributes_of(run)
            )
        if error_type is not None:
            span.set_attribute("error.type", error_type)
            span.set_status(Status(StatusCode.ERROR, error_type))
        span.end(_nanoseconds(ended_at))

    @contextmanager
    def request(self, name: str, subject: str, attributes: Attributes) -> Iterator[None]:
        """Let the block be a span in the subject's trace.

        It is linked with the span that runs, if that is part of another: a request to the API, for one.
        """
        around = trace.get_current_span()
        context, trace_id = around.get_span_context(), trace_id_of(subject)
        if context.trace_id == trace_id:
            with self._span(name, None, SpanKind.PRODUCER, attributes):
                yield
            return
        links = [Link(context)] if context.is_valid else []
        with self._ids.chosen(trace_id):
            span = self._tracer.start_span(name, Context(), SpanKind.PRODUCER, attributes, links)
        around.add_link(span.get_span_context())
        with _ending(span):
            yield

    @contextmanager
    def _span(self, name: str, parent: Context | None, kind: SpanKind, attributes: Attributes) -> Iterator[None]:
        with _ending(self._tracer.start_span(name, parent, kind, attributes)):
            yield

    def _within(self, run: Run) -> Context:
        return trace.set_span_in_context(NonRecordingSpan(self._context_of(run)), Context())

    def _context_of(self, run: Run) -> SpanContext:
        """Return the run's span, whoever records it, sampled as its trace is."""
        trace_id = trace_id_of(run.subject)
        decision = self.provider.sampler.should_sample(None, trace_id, "run").decision
        sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id_of(run.run_id), is_remote=True, trace_flags=flags)

    # --- model calls

    def call_closed(self, request: CallRequest, result: CallResult, prompt: Prompt, *, endpoint: str | None) -> None:
        """Record a model call that ended just now.

        Attributes are those of the conventions for generative AI.
        """
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"chat {request.model}",
            kind=SpanKind.CLIENT,
            attributes=_attributes_of_call(request, result, prompt, endpoint),
            start_time=ended - result.latency_ms * _IN_A_MILLISECOND,
        )
        if self._with_prompts and span.is_recording():
            span.set_attributes(_messages(prompt, result))
        if result.error_type is not None:
            span.set_status(Status(StatusCode.ERROR, result.error_type))
        span.end(ended)


@contextmanager
def _ending(span: trace.Span) -> Iterator[None]:
    """Let the span be the current one until the block ends.

    What the block raises is noted.
    """
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except BaseException as error:
            name = error_type(error)
            span.set_attribute("error.type", name)
            if isinstance(error, Exception):
                span.set_status(Status(StatusCode.ERROR, name))
            raise


def _attributes_of(run: Run) -> dict[str, str | int | float | bool]:
    return {"temporalWorkflowID": run.workflow_id, "temporalRunID": run.run_id}


def _attributes_of_call(
    request: CallRequest, result: CallResult, prompt: Prompt, endpoint: str | None
) -> dict[str, str | int | float | Sequence[str]]:
    reason = _FINISH_REASONS[StopReason(result.stop_reason)] if result.stop_reason else None
    known: dict[str, str | int | float | Sequence[str] | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": request.provider,
        "gen_ai.request.model": request.model,
        "gen_ai.request.max_tokens": prompt.max_output_tokens,
        "gen_ai.output.type": "json" if prompt.schema else "text",
        "gen_ai.response.model": result.model,
        "gen_ai.response.id": result.request_id,
        "gen_ai.response.finish_reasons": [reason] if reason else None,
        "gen_ai.usage.input_tokens": result.input_tokens,
        "gen_ai.usage.output_tokens": result.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": result.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": result.cache_write_tokens,
        "server.address": endpoint,
        "error.type": result.error_type,
        "longtail.article": str(request.article_id),
        "longtail.stage": request.stage.value,
        "longtail.prompt": request.prompt,
        "longtail.round": request.round,
        "longtail.attempt": request.attempt,
        "longtail.call.status": result.status.value,
        "longtail.cost_usd": None if result.cost_usd is None else float(result.cost_usd),
    }
    return {name: value for name, value in known.items() if value is not None}


def _messages(prompt: Prompt, result: CallResult) -> dict[str, str]:
    asked = [("user", prompt.user), ("assistant", prompt.previous), ("user", prompt.follow_up)]
    messages: dict[str, object] = {
        "gen_ai.system_instructions": [_part(prompt.system)],
        "gen_ai.input.messages": [{"role": role, "parts": [_part(text)]} for role, text in asked if text],
    }
    if result.answer is not None:
        reason = _FINISH_REASONS[StopReason(result.stop_reason)] if result.stop_reason else "error"
        answered = {"role": "assistant", "parts": [_part(result.answer)], "finish_reason": reason}
        messages["gen_ai.output.messages"] = [answered]
    return {name: json.dumps(value, ensure_ascii=False) for name, value in messages.items()}


def _part(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000) * _IN_A_MILLISECOND
