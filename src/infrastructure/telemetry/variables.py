"""OpenTelemetry's own variables, as far as they say whether traces are sent.

The others (headers, certificates, sampler, resource) are read by its SDK. That reads the environment alone, so ``.env``
does not count here either.
"""

from urllib.parse import urlsplit

from pydantic_settings import BaseSettings, SettingsConfigDict

_PROTOCOL = "http/protobuf"


class OpenTelemetryVariables(BaseSettings):
    """Where traces go."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", env_ignore_empty=True, extra="ignore", frozen=True)

    sdk_disabled: str = "false"
    traces_exporter: str = "otlp"
    exporter_otlp_endpoint: str | None = None
    exporter_otlp_traces_endpoint: str | None = None
    exporter_otlp_protocol: str = _PROTOCOL
    exporter_otlp_traces_protocol: str | None = None

    @property
    def has_endpoint(self) -> bool:
        """Return whether traces are wanted."""
        is_named = bool(self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint)
        return is_named and self.sdk_disabled.lower() != "true" and self.traces_exporter != "none"

    @property
    def host(self) -> str | None:
        """Return the host of the endpoint; its address may hold a password."""
        return urlsplit(self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint or "").hostname

    @property
    def unsupported(self) -> str | None:
        """Return the variable that asks for another exporter than ours."""
        if self.traces_exporter != "otlp":
            return f"OTEL_TRACES_EXPORTER={self.traces_exporter}"
        protocol = self.exporter_otlp_traces_protocol or self.exporter_otlp_protocol
        return None if protocol == _PROTOCOL else f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"
