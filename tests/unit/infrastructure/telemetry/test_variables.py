"""OpenTelemetry's variables say whether traces are sent."""

import pytest

from src.infrastructure.telemetry.variables import OpenTelemetryVariables


@pytest.mark.parametrize(
    ("variables", "has_endpoint"),
    [
        ({}, False),
        ({"ENDPOINT": "http://collector:4318"}, True),
        ({"TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"ENDPOINT": ""}, False),
    ],
)
def test_an_endpoint_switches_traces_on(
    variables: dict[str, str], has_endpoint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    assert OpenTelemetryVariables().has_endpoint is has_endpoint


def test_a_password_in_the_address_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:s3cret@collector.example:4318")
    assert OpenTelemetryVariables().host == "collector.example"


@pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")])
def test_they_may_be_switched_off_all_the_same(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    monkeypatch.setenv(name, value)
    assert not OpenTelemetryVariables().has_endpoint


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
def test_what_is_not_built_in_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OpenTelemetryVariables().unsupported is None
    monkeypatch.setenv(name, value)
    assert OpenTelemetryVariables().unsupported == f"{name}={value}"
