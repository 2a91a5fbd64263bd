"""Finds out who is logged in.

Once a request; pages get the use cases of that person and no others."""

from typing import Annotated

import structlog
from fastapi import Depends, Request
from pydantic import SecretStr

from src.application.sessions import SignedIn
from src.bootstrap import Application
from src.domain.errors import NotAuthenticated

COOKIE = "longtail_session"
_LONGEST_SECRET = 200  # characters; a longer one is none of ours


def session_secret(request: Request) -> SecretStr | None:
    """Return the secret id that the browser shows, None without one."""
    given = request.cookies.get(COOKIE, "")
    return SecretStr(given) if given and given.isascii() and len(given) <= _LONGEST_SECRET else None


def address_of(request: Request) -> str | None:
    """Return the address that asks."""
    return request.client.host if request.client else None


async def sign_in(request: Request) -> SignedIn:
    """Return who is logged in; rows are read once a request.

    Raises NotAuthenticated.
    """
    known: SignedIn | None = getattr(request.state, "signed_in", None)
    if known is not None:
        return known
    secret = session_secret(request)
    if secret is None:
        raise NotAuthenticated("missing")
    application: Application = request.app.state.application
    signed_in = await application.sessions.identify(secret, address=address_of(request))
    request.state.signed_in = signed_in
    structlog.contextvars.bind_contextvars(who=signed_in.principal.name)
    return signed_in


async def _act(request: Request) -> Application:
    application: Application = request.app.state.application
    return application.acting_as((await sign_in(request)).principal)


Desk = Annotated[Application, Depends(_act)]
"""The use cases of who is logged in: without it a page has none."""
