"""Temporal's runtime of a process that serves metrics."""

from collections.abc import Callable
from contextlib import suppress

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

_TRIES = 5  # another process may take the port that was free a moment ago


def serving_metrics(choose_address: Callable[[], str]) -> tuple[Runtime, str]:
    """Return a runtime that serves its metrics, and where.

    Names and units are those of Prometheus.
    """
    for _ in range(_TRIES - 1):
        address = choose_address()
        with suppress(RuntimeError, ValueError):  # what the library raises for a port that is taken
            return _serving(address), address
    address = choose_address()
    return _serving(address), address


def _serving(address: str) -> Runtime:
    served = PrometheusConfig(
        bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=served, attach_service_name=False))
