"""Shows one's own account: roles, password, sessions."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import SecretStr

from src.application.passwords import change_password, end_sessions, list_sessions
from src.domain.errors import InputInvalid, LoginRefused, LongtailError, TooManyLogins
from src.domain.login import LONGEST_PASSWORD, SHORTEST_PASSWORD

from ..notices import Notice
from ..shell import PATH, redirect, render, wants_json
from ..signed_in import Desk, address_of, session_secret, sign_in
from ..wording import plural

router = APIRouter()

_HERE = f"{PATH}/account"


@router.get("/account")
async def show_account(request: Request, desk: Desk) -> Response:
    """Show who you are here, and where you are logged in."""
    return await _show(request, desk)


@router.post("/account/password")
async def set_password(
    request: Request,
    desk: Desk,
    password: Annotated[str, Form()] = "",
    new_password: Annotated[str, Form()] = "",
    repeated: Annotated[str, Form()] = "",
) -> Response:
    """Set one's own password by the old one."""
    secret = session_secret(request)
    assert secret is not None  # noqa: S101 - without it nobody is let in
    try:
        if new_password != repeated:
            raise _differing()
        done = await change_password(
            desk.database,
            secret,
            by=desk.principal,
            passwords=desk.passwords,
            old=SecretStr(password),
            new=SecretStr(new_password),
            address=address_of(request),
        )
    except (InputInvalid, LoginRefused, TooManyLogins) as error:
        if wants_json(request):
            raise
        return await _show(request, desk, problem=error)
    return redirect(request, _HERE, Notice(head="Password changed", text=_ended(done.ended)))


@router.post("/account/log-out-others")
async def log_out_others(request: Request, desk: Desk) -> Response:
    """End all one's sessions but this one."""
    done = await end_sessions(desk.database, desk.who, by=desk.principal, but=session_secret(request))
    return redirect(request, _HERE, Notice(head="Logged out elsewhere", text=_ended(done.ended)))


async def _show(request: Request, desk: Desk, *, problem: LongtailError | None = None) -> Response:
    return await render(
        request,
        "account.html",
        status=problem.status if problem else 200,
        person=desk.principal.person,
        session=(await sign_in(request)).session,
        sessions=await list_sessions(desk.database, desk.who, by=desk.principal),
        problem=problem,
        shortest=SHORTEST_PASSWORD,
        longest=LONGEST_PASSWORD,
    )


def _differing() -> InputInvalid:
    return InputInvalid("repeated", None, "the two new passwords differ", reason="differs")


def _ended(count: int) -> str:
    return f"{plural(count, 'other session')} ended." if count else "There was no other session."
