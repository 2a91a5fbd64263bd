"""Pages in their frame: navigation, who is logged in, notices."""

from typing import Any, cast
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from src.application.overview import Counts, read_counts
from src.application.sessions import SignedIn
from src.bootstrap import Application

from . import notices
from .assets import address_of
from .forgery import FORM_COOKIE, form_cookie, form_token
from .notices import Notice
from .wording import FILTERS, GLOBALS

PATH = "/desk"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # without any, browsers send forms with «Origin: null», which nobody can trust
}

_environment = Environment(
    loader=PackageLoader("src.api.desk"),
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals |= {"static": address_of, **GLOBALS}
_environment.filters |= FILTERS


async def render(
    request: Request, template: str, *, status: int = 200, waiting: int | None = None, **context: object
) -> HTMLResponse:
    """Return the page of a template that extends ``base.html``.

    It knows ``me`` (the principal, None before the login), ``counts``, ``notice``, ``token`` and ``here``. A page that
    counted what needs a review gives it as ``waiting``.
    """
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)
    frame = {
        "request": request,
        "status": status,
        "me": signed_in.principal if signed_in else None,
        "counts": await _counts(request, signed_in, waiting),
        "notice": notices.read(request.cookies.get(notices.COOKIE)),
        "token": form_token(request),
        "here": request.url.path,
        "here_with_query": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    }
    html = _environment.get_template(template).render(**context | frame)
    response = HTMLResponse(html, status_code=status, headers=_HEADERS)
    if frame["notice"] is not None:
        response.delete_cookie(notices.COOKIE, path=PATH)
    if made := form_cookie(request):
        set_cookie(request, response, FORM_COOKIE, made)
    return response


def redirect(request: Request, to: str, notice: Notice | None = None) -> Response:
    """Return the answer to a write: what follows, and a notice.

    Scripts, which ask for JSON, get both as a document.
    """
    if wants_json(request):
        return JSONResponse({"location": to, "notice": notice.model_dump(exclude_none=True) if notice else None})
    response = RedirectResponse(to, status_code=303)
    if notice is not None:
        set_cookie(request, response, notices.COOKIE, notices.written(notice), seconds=notices.SECONDS)
    return response


def set_cookie(request: Request, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """Set a cookie that scripts cannot read and no other site sends."""
    is_secure = request.url.scheme == "https"
    response.set_cookie(name, value, max_age=seconds, path=PATH, secure=is_secure, httponly=True, samesite="lax")


def wants_json(request: Request) -> bool:
    """Return whether a script asks, and no person."""
    return request.headers.get("accept", "").startswith("application/json")


def with_query(path: str, **query: str | int | None) -> str:
    """Return the path with a query; None is left out."""
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


async def _counts(request: Request, signed_in: SignedIn | None, waiting: int | None) -> Counts | None:
    if signed_in is None:
        return None
    application = cast("Application", request.app.state.application)
    return await read_counts(application.database, by=signed_in.principal, reviews=waiting)


def fragment(template: str, **context: Any) -> str:  # noqa: ANN401 - as templates take them
    """Return a part of a page, for scripts."""
    return _environment.get_template(template).render(**context)
