"""Finds out who asks.

Once a request; handlers get the use cases of that person and no others."""

from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import SecretStr

from src.bootstrap import Application
from src.domain.errors import NotAuthenticated
from src.domain.principal import Origin, Principal

_MAX_SECRET = 200  # characters; a longer one is none of ours

bearer = HTTPBearer(auto_error=False, scheme_name="API token", description="Shown once when it is made.")


async def authenticate(request: Request) -> Principal:
    """Return who asks; rows are read once a request.

    Raises NotAuthenticated.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    given = await bearer(request)
    if given is None:
        raise NotAuthenticated("missing")
    if len(given.credentials) > _MAX_SECRET or not given.credentials.isascii():
        raise NotAuthenticated("unknown")
    principal = await renew(request, SecretStr(given.credentials))
    request.state.principal = principal
    structlog.contextvars.bind_contextvars(who=principal.token or principal.name)
    return principal


async def renew(request: Request, secret: SecretStr) -> Principal:
    """Return who has this token now. Raises NotAuthenticated."""
    application: Application = request.app.state.application
    address = request.client.host if request.client else None
    return await application.authentication.authenticate(secret, origin=Origin.API, address=address)


async def _act(request: Request, _: Annotated[object, Depends(bearer)]) -> Application:
    application: Application = request.app.state.application
    return application.acting_as(await authenticate(request))


Acting = Annotated[Application, Depends(_act)]
"""The use cases of whoever asks: without it a handler has none."""
