"""Temporal's runtime of a process that serves metrics."""

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


def serving_metrics(address: str) -> Runtime:
    """Return a runtime that serves its metrics at ``address``.

    Names and units are those of Prometheus.
    """
    served = PrometheusConfig(
        bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=served, attach_service_name=False))
