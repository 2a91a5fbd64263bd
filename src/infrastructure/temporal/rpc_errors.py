"""Translate errors of Temporal's server into our errors.

Used by the gateways.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.service import RPCError, RPCStatusCode

from src.domain.errors import EngineUnavailable


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise EngineUnavailable for an RPCError; ``doing`` completes "Temporal did not …"."""
    try:
        yield
    except RPCError as error:
        raise EngineUnavailable(f"Temporal did not {doing}: {error}") from error


def is_not_found(error: RPCError) -> bool:
    """Return whether the workflow or schedule is unknown or ended."""
    return error.status is RPCStatusCode.NOT_FOUND
