"""Connects to Temporal with the settings of Temporal's own variables and profiles."""

from collections.abc import Sequence

from pydantic import SecretStr
from temporalio import activity, workflow
from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RetryConfig, RPCError

from src.domain.errors import EngineUnavailable, Hint

from . import search_attributes
from .payload_codec import data_converter

# What a worker has to tell waits for Temporal: the library would drop it after 10 s, and Temporal then waits for the
# heartbeat timeout. After two of these the attempt was given up in any case.
_PATIENT = RetryConfig(
    multiplier=1.5,
    max_interval_millis=1_000,
    max_elapsed_time_millis=120_000,
    max_retries=0,  # no limit
)


async def connect(
    address: str,
    *,
    identity: str | None = None,
    is_patient: bool = False,
    runtime: Runtime | None = None,
    keys: SecretStr | None = None,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """Connect to ``address`` (host:port) and register our search attributes.

    Namespace, TLS and API key come from ``temporalio.envconfig``. The requests of a patient client outlast an outage of
    two minutes. With ``keys`` payloads are encrypted. Raises EngineUnavailable, SearchAttributesMissing for those that
    we may not add, and SettingsInvalid for keys that cannot be used.
    """
    _log_fields_once()
    config = ClientConfig.load_client_connect_config()
    config["target_host"] = address
    try:
        client = await Client.connect(
            **config,
            identity=identity,
            data_converter=data_converter(keys),
            retry_config=_PATIENT if is_patient else None,
            runtime=runtime,
            interceptors=interceptors,
        )
        await search_attributes.register(client)
    except (RPCError, RuntimeError) as error:  # RuntimeError is what the bridge raises for a refused connection
        raise EngineUnavailable(
            f"Temporal at {address} cannot be used: {error}; is it running, and are TEMPORAL_ADDRESS and "
            "TEMPORAL_NAMESPACE right?",
            hint=Hint.CHECK_SERVER,
        ) from error
    return client


def _log_fields_once() -> None:
    """Keep Temporal's log fields out of the message, which would repeat them."""
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False
