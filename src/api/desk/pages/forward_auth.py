"""Tells a proxy who may see Temporal's UI, which stands beside us.

Histories hold every text of every site, so it takes a role for all sites.
"""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from src.domain.errors import NotAuthenticated
from src.domain.permissions import Action

from ..shell import PATH
from ..signed_in import sign_in
from ..ways_back import way_back

router = APIRouter()

_ASKED = "X-Forwarded-Uri"  # as proxies name what the browser asked them for


@router.get("/forward-auth", status_code=204)
async def may_pass(request: Request) -> Response:
    """Answer 204 to let a request pass, else what the browser gets.

    That is the login for a page that nobody is logged in for, 401 for anything else, and 403 for others' roles.
    """
    try:
        signed_in = await sign_in(request)
    except NotAuthenticated:
        if "text/html" not in request.headers.get("accept", ""):
            return Response(status_code=401)
        back = quote(way_back(request.headers.get(_ASKED)), safe="")
        return RedirectResponse(f"{PATH}/login?next={back}", status_code=303)
    signed_in.principal.require(Action.DEPLOYMENT_READ, None)
    return Response(status_code=204)
