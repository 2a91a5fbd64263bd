"""Refuses query parameters that a route does not have."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError

from src.domain.principal import Principal

from .authentication import authenticate


def known_below(prefix: str) -> Callable[[Request, Principal], Awaitable[None]]:
    """Return the dependency of routes included with this prefix.

    It raises RequestValidationError for parameters that the OpenAPI document does not name; whoever has no token is
    told that first.
    """

    async def require_known(request: Request, _: Annotated[Principal, Depends(authenticate)]) -> None:
        operations = request.app.openapi()["paths"][prefix + request.scope["route"].path_format.removeprefix(prefix)]
        parameters = operations[request.method.lower()].get("parameters", ())
        known = [each["name"] for each in parameters if each["in"] == "query"]
        said = f"no parameter of this route; there are: {', '.join(known) or 'none'}"
        unknown = [name for name in dict.fromkeys(request.query_params.keys()) if name not in known]
        if unknown:
            raise RequestValidationError([{"type": "unknown", "loc": ("query", name), "msg": said} for name in unknown])

    return require_known
