"""Times that a process allows, as they follow from its models."""

from contextlib import suppress
from datetime import timedelta

from src.agents.language_model import LONGEST_ANSWER_TOKENS
from src.domain.errors import ModelNotConfigured
from src.settings import Settings

from .endpoint import endpoint_of
from .model_choice import VARIABLES, is_configured

_STORING = timedelta(seconds=10)  # after the last call: its answer is committed, or written to the spool


def longest_call(settings: Settings) -> timedelta:
    """Return the largest time limit of a call to the configured providers."""
    limits = [settings.offline.latency_seconds]
    for provider in VARIABLES:
        if is_configured(settings, provider):
            with suppress(ModelNotConfigured):  # its key cannot be one, so nothing is asked there
                limits.append(endpoint_of(settings, provider).total_seconds(LONGEST_ANSWER_TOKENS))
    return timedelta(seconds=max(limits))


def shutdown_grace(settings: Settings) -> timedelta:
    """Return how long SIGTERM waits for calls; scaled.

    Unless it is set it is as long as a call may take, so that none is cut off and paid for twice.
    """
    grace = settings.shutdown_grace
    return settings.scaled(longest_call(settings) + _STORING if grace is None else grace)
