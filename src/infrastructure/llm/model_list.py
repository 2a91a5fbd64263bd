"""Check of a provider's key, address and models before a batch.

In doubt it accepts: many compatible servers list no models, some of them, or know them by other names.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from urllib.parse import quote

import structlog

from src.domain.errors import ModelBadRequest, ModelError, ModelNotFound

from .endpoint import Endpoint

log = structlog.get_logger()

_NAMES_SECONDS = 5.0  # for all names that no list holds


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
        return isinstance(self.error, ModelBadRequest | ModelNotFound) and not redirects


Get = Callable[[str], Awaitable[Reply]]


async def check_models(get: Get, names: Collection[str], endpoint: Endpoint, *, query: str = "") -> None:
    """Request the list of models, and each name that it lacks.

    Raises ModelNotFound, or ModelError when the key or the provider does not work.
    """
    reply = await get(f"/models{query}")
    if reply.is_missing:
        log.warning("model_list_missing", base_url=endpoint.address)  # it answers; «/v1» may be missing
        return
    if reply.error:
        raise reply.error
    listed = _complete_list(reply.body)
    lacking = [name for name in names if name not in listed]
    if not (listed and lacking):
        return
    try:
        async with asyncio.timeout(_NAMES_SECONDS):
            known = [await _is_known(get, name, listed[0]) for name in lacking]
    except TimeoutError:
        log.warning("model_names_unchecked", base_url=endpoint.address)
        return
    for name, is_known in zip(lacking, known, strict=True):
        if not is_known:
            message = f"{endpoint.provider} at {endpoint.address} neither lists nor knows it"
            raise ModelNotFound(message, model=name)


def _complete_list(body: bytes) -> list[str]:
    """Return the names, none if there are more or cannot be read."""
    try:
        page = json.loads(body)
        return [] if page.get("has_more") else [str(model["id"]) for model in page["data"]]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return []


async def _is_known(get: Get, name: str, listed: str) -> bool:
    """Return whether the provider has the model.

    A 404 tells only where a model that is listed is found by its path.
    """
    if (await get(_path(name))).status != 404:
        return True
    return (await get(_path(listed))).error is not None  # then it is the path that is missing


def _path(name: str) -> str:
    return f"/models/{quote(name, safe='')}"
