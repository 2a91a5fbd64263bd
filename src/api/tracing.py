"""Spans of requests, by FastAPI itself."""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from fastapi.telemetry import TelemetryConfig

if TYPE_CHECKING:
    from src.infrastructure.telemetry.traces import Traces

_OFF = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)


def tracing(traces: "Traces | None") -> TelemetryConfig:
    """Return how the app is traced.

    One span a request: our metrics and logs are others, and probes come every few seconds.
    """
    if traces is None:
        return _OFF
    return TelemetryConfig(
        tracer_provider=traces.provider,
        metrics=False,
        logs=False,
        operation_spans=False,
        auto_configure=False,
        exclude=_is_probe,
    )


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return str(scope.get("path", "")).startswith("/health/")
