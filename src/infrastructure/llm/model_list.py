"""Check of a provider's key and address, by its models.

A server that lists no models is accepted: many compatible ones do not.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from src.domain.errors import ModelBadRequest, ModelError

from .endpoint import Endpoint

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back when a provider was asked about its models.

    Attributes:
        status: of the HTTP response; None when there was none.
        error: why there is no body.
    """

    status: int | None
    body: bytes = b""
    error: ModelError | None = None

    @property
    def is_missing(self) -> bool:
        """Return whether the server has nothing of that kind."""
        redirects = self.status is not None and self.status < 400
        return isinstance(self.error, ModelBadRequest) and not redirects


Get = Callable[[str], Awaitable[Reply]]


async def check_models(get: Get, endpoint: Endpoint) -> None:
    """Request the list of models, the cheapest use of a key.

    Raises ModelError when the key or the provider does not work.
    """
    reply = await get("/models")
    if reply.is_missing:
        log.warning("model_list_missing", base_url=endpoint.address)  # it answers; «/v1» may be missing
    elif reply.error:
        raise reply.error
