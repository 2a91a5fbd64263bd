"""Settings and variables switch metrics and traces on, each by itself."""

import asyncio
from typing import Any

import pytest
from temporalio.runtime import Runtime

from src.bootstrap import Process, ProcessTelemetry, open_telemetry
from src.domain.colour import BLUE
from src.domain.errors import InputInvalid
from src.settings import Settings

WORKER = Process(kind="worker", instance="blue@here:1", colour=BLUE)
API = Process(kind="api", instance="api@here:2")
VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


async def told(process: Process, **settings: Any) -> ProcessTelemetry:
    async with open_telemetry(Settings.model_construct(commit="c0ffee", **settings), process) as telemetry:
        return telemetry


async def test_nothing_is_on_by_itself() -> None:
    telemetry = await told(WORKER)
    assert telemetry == ProcessTelemetry()
    assert telemetry.interceptors == ()


async def test_a_worker_serves_its_metrics_and_those_of_temporal() -> None:
    settings = Settings.model_construct(commit="c0ffee", metrics_port=0)
    async with open_telemetry(settings, WORKER) as telemetry:
        assert isinstance(telemetry.runtime, Runtime)
        assert telemetry.work.metrics is not None
        assert (telemetry.requests, telemetry.traces) == (None, None)
        telemetry.runtime.metric_meter.create_counter("longtail_sdk").add(1)
        assert telemetry.registry is not None
        runs = {"kind": "worker", "instance": "blue@here:1", "colour": "blue", "commit": "c0ffee"}
        found = await asyncio.to_thread(telemetry.registry.get_sample_value, "longtail_build_info", runs)
        assert found == 1


async def test_the_api_counts_requests() -> None:
    telemetry = await told(API, metrics_port=0)
    assert telemetry.requests is not None
    assert telemetry.work.metrics is None


async def test_a_host_that_is_not_ours_is_named() -> None:
    with pytest.raises(InputInvalid, match=r"192\.0\.2\.1"):
        await told(API, metrics_port=0, metrics_host="192.0.2.1")


async def test_an_endpoint_is_enough_for_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    telemetry = await told(WORKER)
    assert telemetry.traces is not None
    facts = telemetry.traces.provider.resource.attributes
    assert facts["service.name"] == "longtail-worker"
    assert facts["longtail.colour"] == "blue"
    assert facts["deployment.environment.name"] == "test"
    assert len(telemetry.interceptors) == 1
    assert telemetry.runtime is None


async def test_the_name_of_the_service_may_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "articles")
    telemetry = await told(API)
    assert telemetry.traces is not None
    assert telemetry.traces.provider.resource.attributes["service.name"] == "articles"


async def test_another_protocol_sends_nothing_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert (await told(WORKER)).traces is None
