"""Logs people in and out, and asks for the password again."""

from typing import Annotated, cast

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import SecretStr

from src.application.sessions import Sessions
from src.bootstrap import Application
from src.domain.errors import LoginRefused, LongtailError, NotAuthenticated, TooManyLogins
from src.domain.session import LIFETIME

from ..notices import Notice
from ..shell import PATH, redirect, render, set_cookie, wants_json
from ..signed_in import COOKIE, Desk, address_of, session_secret, sign_in
from ..ways_back import HOME, way_back

router = APIRouter()

Next = Annotated[str | None, Query(alias="next")]
NextField = Annotated[str, Form(alias="next")]


@router.get("/login")
async def show_login(request: Request, to: Next = None) -> Response:
    """Ask for name and password; who is in goes on."""
    try:
        await sign_in(request)
    except NotAuthenticated as error:
        return await _ask(request, way_back(to), was_in=error.problem != "missing")
    return redirect(request, way_back(to))


@router.post("/login")
async def log_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    to: NextField = "",
) -> Response:
    """Begin a session, under a new id whatever the browser had."""
    sessions, back = _sessions(request), way_back(to)
    try:
        opened = await sessions.log_in(name, SecretStr(password), address=address_of(request))
    except (LoginRefused, TooManyLogins) as error:
        if wants_json(request):
            raise
        return await _ask(request, back, name=name, problem=error)
    if former := session_secret(request):
        await sessions.log_out(former)
    answer = redirect(request, back)
    seconds = round(LIFETIME.total_seconds())
    set_cookie(request, answer, COOKIE, opened.secret.get_secret_value(), seconds=seconds)
    return answer


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session, also one that has ended."""
    if secret := session_secret(request):
        await _sessions(request).log_out(secret)
    answer = redirect(
        request, f"{PATH}/login", Notice(head="Logged out", text="What you wrote is kept in this browser.")
    )
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


@router.get("/confirm")
async def show_confirm(request: Request, _: Desk, to: Next = None) -> Response:
    """Ask for the password again, before people and tokens change."""
    return await render(request, "password_again.html", back=way_back(to), problem=None)


@router.post("/confirm")
async def confirm(request: Request, desk: Desk, password: Annotated[str, Form()] = "", to: NextField = "") -> Response:
    """Take the password again, so that the login is fresh."""
    back, secret = way_back(to), session_secret(request)
    assert secret is not None  # noqa: S101 - without it nobody is let in
    try:
        await desk.sessions.confirm(secret, SecretStr(password), address=address_of(request))
    except (LoginRefused, TooManyLogins) as error:
        if wants_json(request):
            raise
        return await render(request, "password_again.html", status=error.status, back=back, problem=error)
    return redirect(request, back)


async def _ask(
    request: Request, back: str, *, name: str = "", problem: LongtailError | None = None, was_in: bool = False
) -> Response:
    return await render(
        request,
        "login.html",
        status=problem.status if problem else 200,
        back=back,
        leads_back=back != HOME,
        name=name,
        problem=problem,
        was_in=was_in,
    )


def _sessions(request: Request) -> Sessions:
    return cast("Application", request.app.state.application).sessions
