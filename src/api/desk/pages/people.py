"""Shows people, their roles and tokens; changes them after a login."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from annotated_types import Ge, Le
from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import BaseModel, SecretStr, StringConstraints

from src.application import api_tokens, passwords, people
from src.application.sites import list_sites
from src.domain.errors import InputInvalid, LoginNotFresh, LongtailError
from src.domain.person import Grant, Role

from ..notices import Notice
from ..shell import PATH, redirect, render, wants_json, with_query
from ..signed_in import Desk, sign_in
from ..wording import plural

router = APIRouter()

_ALL = f"{PATH}/people"
_DAYS = (30, 90, 365)
RoleField = Annotated[Role, Form()]
Text = Annotated[str, Form(max_length=500)]
Field = Annotated[str, StringConstraints(max_length=500)]


class NewPerson(BaseModel):
    """The form for somebody to be added."""

    name: Field = ""
    display_name: Field = ""
    email: Field = ""
    role: Field = ""
    site: Field = ""


class NewToken(BaseModel):
    """The form for a token; no days: it does not end."""

    token: Field = ""
    scope: Field = ""
    site: Field = ""
    days: Annotated[int, Ge(0), Le(3650)] = 90


async def _is_fresh(request: Request, desk: Desk) -> bool:
    session = (await sign_in(request)).session
    try:
        desk.sessions.require_fresh(session)
    except LoginNotFresh:
        if wants_json(request):
            raise
        return False
    return True


Fresh = Annotated[bool, Depends(_is_fresh)]
"""Whether the password was given just now; scripts are told otherwise."""


def page_of(name: str) -> str:
    """Return the address of a person's page."""
    return f"{_ALL}/{quote(name, safe='')}"


@router.get("/people")
async def list_people(request: Request, desk: Desk, fresh: Fresh) -> Response:
    """List everybody with their roles."""
    return await _list(request, desk, fresh=fresh)


@router.post("/people")
async def add_person(
    request: Request,
    desk: Desk,
    fresh: Fresh,
    asked: Annotated[NewPerson, Form()],
) -> Response:
    """Add a person, with a first role if one is chosen."""
    if not fresh:
        return redirect(request, with_query(f"{PATH}/confirm", next=_ALL))
    try:
        grants = [Grant(role=_role(asked.role), site=asked.site or None)] if asked.role else []
        person = await people.add_person(
            desk.database,
            asked.name.strip(),
            *grants,
            by=desk.principal,
            display_name=asked.display_name.strip() or None,
            email=asked.email.strip() or None,
        )
    except LongtailError as error:
        if wants_json(request) or error.status == 403:
            raise
        return await _list(request, desk, fresh=True, problem=error, typed=asked.model_dump())
    told = "Give a password, so that the person can log in."
    return redirect(request, page_of(person.name), Notice(head="Added", text=f"{person.name} is here. {told}"))


@router.get("/people/{name}")
async def show_person(request: Request, desk: Desk, fresh: Fresh, name: str) -> Response:
    """Show a person with roles, tokens and sessions."""
    return await _show(request, desk, name, fresh=fresh)


@router.post("/people/{name}/grant")
async def grant_role(
    request: Request, desk: Desk, fresh: Fresh, name: str, role: RoleField, site: Text = ""
) -> Response:
    """Give a role."""
    return await _change_role(request, desk, fresh, name, Grant(role=role, site=site or None), withdraw=False)


@router.post("/people/{name}/withdraw")
async def withdraw_role(
    request: Request, desk: Desk, fresh: Fresh, name: str, role: RoleField, site: Text = ""
) -> Response:
    """Take a role."""
    return await _change_role(request, desk, fresh, name, Grant(role=role, site=site or None), withdraw=True)


@router.post("/people/{name}/disable")
async def disable_person(request: Request, desk: Desk, fresh: Fresh, name: str) -> Response:
    """Let a person act no more."""
    return await _set_disabled(request, desk, fresh, name, disabled=True)


@router.post("/people/{name}/enable")
async def enable_person(request: Request, desk: Desk, fresh: Fresh, name: str) -> Response:
    """Let a person act again."""
    return await _set_disabled(request, desk, fresh, name, disabled=False)


@router.post("/people/{name}/reset")
async def reset_password(request: Request, desk: Desk, fresh: Fresh, name: str) -> Response:
    """Set a random password, and show it this once."""
    if not fresh:
        return _ask_again(request, name)
    if name == desk.who:
        told = Notice(kind="warn", head="Not done", text="Your own password is changed here, by the one until now.")
        return redirect(request, f"{PATH}/account", told)
    made = await passwords.reset_password(desk.database, name, by=desk.principal, passwords=desk.passwords)
    about = f"{name} logs in with it, and changes it under Account. {plural(made.ended, 'session')} ended."
    return await _show_secret(request, name, made.password, title="New password", about=about)


@router.post("/people/{name}/log-out")
async def log_out_person(request: Request, desk: Desk, fresh: Fresh, name: str) -> Response:
    """End a person's sessions."""
    if not fresh:
        return _ask_again(request, name)
    done = await passwords.end_sessions(desk.database, name, by=desk.principal)
    return redirect(request, page_of(name), Notice(head="Logged out", text=f"{plural(done.ended, 'session')} ended."))


@router.post("/people/{name}/tokens")
async def create_token(
    request: Request,
    desk: Desk,
    fresh: Fresh,
    name: str,
    asked: Annotated[NewToken, Form()],
) -> Response:
    """Make a token, and show its secret this once."""
    if not fresh:
        return _ask_again(request, name)
    try:
        made = await api_tokens.create_token(
            desk.database,
            name,
            asked.token.strip(),
            by=desk.principal,
            scopes=(_role(asked.scope),) if asked.scope else (),
            site=asked.site or None,
            lifetime=timedelta(days=asked.days) if asked.days else None,
        )
    except LongtailError as error:
        return await _refused(request, desk, name, error)
    about = "A script sends it as: Authorization: Bearer TOKEN. Only a hash is kept."
    return await _show_secret(request, name, made.secret, title=f"Token {made.token.label}", about=about)


@router.post("/people/{name}/tokens/{token}/revoke")
async def revoke_token(request: Request, desk: Desk, fresh: Fresh, name: str, token: str) -> Response:
    """End a token."""
    if not fresh:
        return _ask_again(request, name)
    revoked = await api_tokens.revoke_token(desk.database, name, token, by=desk.principal)
    told = f"{revoked.label} is refused from its next request on."
    return redirect(request, page_of(name), Notice(kind="off", head="Revoked", text=told))


async def _change_role(
    request: Request, desk: Desk, fresh: bool, name: str, grant: Grant, *, withdraw: bool
) -> Response:
    if not fresh:
        return _ask_again(request, name)
    try:
        await people.change_role(desk.database, name, grant, by=desk.principal, withdraw=withdraw)
    except LongtailError as error:
        return await _refused(request, desk, name, error)
    what = f"{grant.role} on {grant.site or 'all sites'}"
    head, text = ("Taken", f"{name} is not {what} any more.") if withdraw else ("Given", f"{name} is {what} now.")
    return redirect(request, page_of(name), Notice(head=head, text=text))


async def _set_disabled(request: Request, desk: Desk, fresh: bool, name: str, *, disabled: bool) -> Response:
    if not fresh:
        return _ask_again(request, name)
    try:
        await people.set_disabled(desk.database, name, by=desk.principal, disabled=disabled)
    except LongtailError as error:
        return await _refused(request, desk, name, error)
    told = "is logged out everywhere and may do nothing" if disabled else "may log in and act again"
    head = "Disabled" if disabled else "Enabled"
    return redirect(request, page_of(name), Notice(kind="off" if disabled else "ok", head=head, text=f"{name} {told}."))


async def _refused(request: Request, desk: Desk, name: str, error: LongtailError) -> Response:
    """Return the person's page with what is wrong.

    Raises the error for scripts, and where the page would be refused too.
    """
    if wants_json(request) or error.status in (403, 404):
        raise error
    return await _show(request, desk, name, fresh=True, problem=error)


async def _list(
    request: Request,
    desk: Desk,
    *,
    fresh: bool,
    problem: LongtailError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    return await render(
        request,
        "people.html",
        status=problem.status if problem else 200,
        people=await people.list_people(desk.database, by=desk.principal),
        sites=await _sites(desk),
        role_names=list(Role),
        fresh=fresh,
        problem=problem,
        typed=typed or {},
    )


async def _show(
    request: Request, desk: Desk, name: str, *, fresh: bool, problem: LongtailError | None = None
) -> Response:
    return await render(
        request,
        "person.html",
        status=problem.status if problem else 200,
        person=await people.get_person(desk.database, name, by=desk.principal),
        tokens=await api_tokens.list_tokens(desk.database, name, by=desk.principal),
        sessions=await passwords.list_sessions(desk.database, name, by=desk.principal),
        has_password=await passwords.has_password(desk.database, name, by=desk.principal),
        sites=await _sites(desk),
        role_names=list(Role),
        days=_DAYS,
        fresh=fresh,
        problem=problem,
    )


async def _show_secret(request: Request, name: str, secret: SecretStr, *, title: str, about: str) -> Response:
    shown = secret.get_secret_value()
    return await render(request, "secret.html", name=name, title=title, about=about, secret=shown, back=page_of(name))


async def _sites(desk: Desk) -> list[str]:
    return [each.site.slug for each in await list_sites(desk.database, by=desk.principal)]


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InputInvalid("role", text, f"choose one of {', '.join(Role)}") from error


def _ask_again(request: Request, name: str) -> Response:
    return redirect(request, with_query(f"{PATH}/confirm", next=page_of(name)))
