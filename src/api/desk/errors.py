"""Error pages: what is so, why, and the next step."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from src.domain.errors import Hint, LongtailError, NotAuthenticated

from ..errors import http_problem, known_problem
from .refusals import refusal_words
from .shell import PATH, render, wants_json

_NEXT: dict[Hint, tuple[str, str]] = {
    Hint.ADD_SITE: ("Add a site", f"{PATH}/new-site"),
    Hint.SET_SCHEDULE: ("Set a schedule", f"{PATH}/schedules"),
    Hint.LIST_USERS: ("See who there is", f"{PATH}/people"),
}


def install(desk: FastAPI) -> None:
    """Answer every error with a page; scripts get a document."""
    desk.add_exception_handler(LongtailError, _on_known)
    desk.add_exception_handler(RequestValidationError, _on_invalid)
    desk.add_exception_handler(HTTPException, _on_http)


async def _on_known(request: Request, error: Exception) -> Response:
    assert isinstance(error, LongtailError)  # noqa: S101 - it is installed for these
    if wants_json(request):
        return known_problem(error, detail=refusal_words(error))
    if isinstance(error, NotAuthenticated) and request.method == "GET":
        return RedirectResponse(login_address(request), status_code=303)
    return await error_page(request, error)


async def error_page(request: Request, error: LongtailError) -> Response:
    """Return the page that words an error of ours."""
    following = _NEXT.get(error.hint) if error.hint else None
    return await render(
        request,
        "error.html",
        status=error.status,
        title=_title(error.status),
        detail=refusal_words(error),
        following=following,
        is_logged_out=isinstance(error, NotAuthenticated),
        retry_after=error.retry_after.total_seconds() if error.retry_after else None,
    )


def login_address(request: Request) -> str:
    """Return the login page that leads back here afterwards."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{PATH}/login?next={quote(here, safe='')}"


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - likewise
    told = "; ".join(f"{_field(each['loc'])}: {each['msg']}" for each in error.errors())
    return await _page(request, 422, told)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - likewise
    return await _page(request, error.status_code, error.detail)


async def _page(request: Request, status: int, detail: str) -> Response:
    if wants_json(request):
        return http_problem(status, detail)
    return await render(request, "error.html", status=status, title=_title(status), detail=detail)


def _field(place: tuple[str | int, ...]) -> str:
    return ".".join(str(each) for each in place[1:]) or "the form"


def _title(status: int) -> str:
    known = {
        401: "You are logged out",
        403: "Not yours to do",
        404: "There is no such page",
        409: "It cannot be done now",
        412: "The text was replaced",
        413: "That is too large",
        422: "Something in it is not right",
        429: "Too many tries",
        503: "Something does not answer",
    }
    return known.get(status) or HTTPStatus(status).phrase
