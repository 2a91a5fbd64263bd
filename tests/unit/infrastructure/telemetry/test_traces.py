"""Spans find their trace by what they are about, and hold no texts unless they shall."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from src.domain.usage import CallStatus
from src.infrastructure.telemetry.run import Run
from src.infrastructure.telemetry.telemetry import Telemetry
from src.infrastructure.telemetry.trace_ids import span_id_of, trace_id_of
from src.infrastructure.telemetry.traces import Traces

from .calls import ARTICLE, PROMPT, answered, asked

RUN = Run(workflow_id=f"article/{ARTICLE}", run_id="run-1", subject=str(ARTICLE))
BATCH = Run(workflow_id="batch/shop-1", run_id="run-0", subject="batch/shop-1")


class Sent:
    """Traces of a process, and what it sent."""

    def __init__(self, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self.traces = Traces({"service.name": "test"}, exporter=self._exporter, **options)

    def spans(self) -> dict[str, ReadableSpan]:
        self.traces.provider.force_flush()
        return {span.name: span for span in self._exporter.get_finished_spans()}


@pytest.fixture
def sent() -> Iterator[Sent]:
    sent = Sent()
    yield sent
    sent.traces.close()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_run_is_the_parent_of_its_activities_though_it_is_recorded_last(sent: Sent) -> None:
    with sent.traces.activity("stage C", RUN, {"longtail.stage": "C"}):
        sent.traces.call_closed(asked(), answered(), PROMPT, endpoint="api.openai.com")
    sent.traces.record_run("ArticleWorkflow", RUN, began_at=100.0, ended_at=160.5, begun_by=[BATCH])
    spans = sent.spans()
    run, stage, call = spans["ArticleWorkflow"], spans["stage C"], spans["chat gpt-6.1-terra"]
    assert run.parent is None
    assert stage.parent is not None
    assert call.parent is not None
    assert run.context is not None
    assert (stage.parent.span_id, call.parent.span_id) == (run.context.span_id, stage.context.span_id)
    assert {span.context.trace_id for span in spans.values() if span.context} == {trace_id_of(str(ARTICLE))}
    assert [(link.context.trace_id, link.context.span_id) for link in run.links] == [
        (trace_id_of("batch/shop-1"), span_id_of("run-0"))
    ]
    assert (run.start_time, run.end_time) == (100_000_000_000, 160_500_000_000)


def test_a_model_call_is_described_by_the_conventions_and_quotes_nothing(sent: Sent) -> None:
    sent.traces.call_closed(asked(), answered(), PROMPT, endpoint="api.openai.com")
    (call,) = sent.spans().values()
    found = attributes(call)
    assert found["gen_ai.provider.name"] == "openai"
    assert found["gen_ai.request.model"] == "gpt-6.1-terra"
    assert found["gen_ai.response.model"] == "gpt-6.1-terra-2026-10-01"
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.cache_read.input_tokens"]) == (100, 60)
    assert found["longtail.cost_usd"] == 0.0125
    assert call.end_time is not None
    assert call.start_time is not None
    assert call.end_time - call.start_time == 1_500_000_000
    assert not [name for name in found if "messages" in name or "instructions" in name]
    assert "taps" not in json.dumps(found, default=str)


def test_prompts_are_in_the_span_if_they_shall_be() -> None:
    sent = Sent(with_prompts=True)
    sent.traces.call_closed(asked(), answered(), PROMPT.follow("## Taps", "And the price?"), endpoint=None)
    (call,) = sent.spans().values()
    found = attributes(call)
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    roles = [message["role"] for message in json.loads(found["gen_ai.input.messages"])]
    assert roles == ["user", "assistant", "user"]
    (answer,) = json.loads(found["gen_ai.output.messages"])
    assert (answer["parts"][0]["content"], answer["finish_reason"]) == ("## Taps", "stop")
    sent.traces.close()


def test_an_error_is_its_type_and_not_its_message(sent: Sent) -> None:
    with pytest.raises(ValueError), sent.traces.activity("stage C", RUN, {}):  # noqa: PT011 - which one is no matter
        raise ValueError("the text says: taps leak")
    result = answered(status=CallStatus.FAILED, error_type="ModelRefused", error_message="taps", answer=None)
    sent.traces.call_closed(asked(), result, PROMPT, endpoint=None)
    spans = sent.spans()
    assert attributes(spans["stage C"])["error.type"] == "ValueError"
    assert attributes(spans["chat gpt-6.1-terra"])["error.type"] == "ModelRefused"
    assert not any(span.status.is_ok for span in spans.values())
    assert not [span for span in spans.values() if "taps" in span.to_json() or span.events]


def test_what_a_request_asks_of_an_article_is_linked_both_ways(sent: Sent) -> None:
    tracer = sent.traces.provider.get_tracer("fastapi")
    with tracer.start_as_current_span("POST /publish"):
        assert len(sent.traces.begin_request("r-7")["trace_id"]) == 32
        with sent.traces.request("start PublishWorkflow", str(ARTICLE), {}):
            pass
    spans = sent.spans()
    asked_for, request = spans["start PublishWorkflow"], spans["POST /publish"]
    assert asked_for.context is not None
    assert asked_for.context.trace_id == trace_id_of(str(ARTICLE))
    assert asked_for.parent is None
    assert [link.context for link in asked_for.links] == [request.context]
    assert [link.context for link in request.links] == [asked_for.context]
    assert attributes(request)["longtail.request_id"] == "r-7"


def test_what_an_activity_asks_of_its_own_article_is_below_it(sent: Sent) -> None:
    with (
        sent.traces.activity("save_article", RUN, {}),
        sent.traces.request("start ReviewWorkflow", str(ARTICLE), {}),
    ):
        pass
    spans = sent.spans()
    parent = spans["start ReviewWorkflow"].parent
    assert parent is not None
    assert parent.span_id == spans["save_article"].context.span_id


def test_a_sampler_by_ratio_keeps_whole_traces_of_about_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    sent = Sent()
    spans: list[str] = []
    kept = [str(uuid4()) for _ in range(400)]
    by_ratio = TraceIdRatioBased(0.5)
    kept = [each for each in kept if by_ratio.should_sample(None, trace_id_of(each), "").decision.value]
    assert 120 < len(kept) < 280  # of a fair coin in all but one of 10^15 runs
    for number, article in enumerate([*kept[:5], *(str(uuid4()) for _ in range(20))]):
        run = Run(workflow_id=f"article/{article}", run_id=f"run-{number}", subject=article)
        with sent.traces.activity("stage A", run, {}):
            pass
        sent.traces.record_run(f"run {number}", run, began_at=1, ended_at=2)
    sent.traces.provider.force_flush()
    by_trace: dict[int, set[str]] = {}
    for span in sent._exporter.get_finished_spans():
        assert span.context is not None
        by_trace.setdefault(span.context.trace_id, set()).add(span.name.split()[0])
        spans.append(span.name)
    assert {trace_id_of(each) for each in kept[:5]} <= by_trace.keys()
    assert len(by_trace) < 25
    assert all(names == {"stage", "run"} for names in by_trace.values())
    sent.traces.close()


def test_nothing_that_is_told_costs_an_answer(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent.traces, "call_closed", lambda *_, **__: 1 / 0)
    Telemetry(traces=sent.traces).call_closed(asked(), answered(), PROMPT)


def test_a_collector_that_is_away_does_not_hold_a_process_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("src.infrastructure.telemetry.traces._FLUSH_SECONDS", 0.2)
    traces = Traces({})
    with traces.activity("stage A", RUN, {}):
        pass
    traces.close()  # it would try again for a minute
