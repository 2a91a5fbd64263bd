"""Refuses writes that no form of ours sent (CSRF).

A form carries a token made of the browser's cookie, which pages of others cannot read; the headers that browsers add by
themselves have to agree."""

import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import UploadFile

from src.domain.errors import ForeignForm

from .signed_in import COOKIE as SESSION_COOKIE

FIELD = "csrf"
HEADER = "x-csrf-token"
FORM_COOKIE = "longtail_form"  # stands in for the session before there is one
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})  # of Sec-Fetch-Site; none: the address bar


def form_token(request: Request) -> str:
    """Return the token for the forms of a page."""
    return hmac.new(_basis(request).encode(), b"form of the desk", hashlib.sha256).hexdigest()


def form_cookie(request: Request) -> str | None:
    """Return the cookie that a form needs before a session.

    None: the browser has one.
    """
    has_one = request.cookies.get(SESSION_COOKIE) or request.cookies.get(FORM_COOKIE)
    return None if has_one else _basis(request)


async def require_own_form(request: Request) -> AsyncIterator[None]:
    """Raise ForeignForm for a write from no page of ours.

    Files of the form are closed after the answer.
    """
    try:
        if request.method not in _SAFE:
            await _check(request)
        yield
    finally:
        await request.close()


async def _check(request: Request) -> None:
    if not _is_from_here(request) or not hmac.compare_digest(await _sent_token(request), form_token(request).encode()):
        raise ForeignForm


def _is_from_here(request: Request) -> bool:
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in _OWN:
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _sent_token(request: Request) -> bytes:
    if (in_header := request.headers.get(HEADER)) is not None:
        return in_header.encode()
    given = (await request.form()).get(FIELD, "")
    return b"" if isinstance(given, UploadFile) else given.encode()


def _basis(request: Request) -> str:
    """Return the secret of this browser; made now if it has none."""
    if given := request.cookies.get(SESSION_COOKIE) or request.cookies.get(FORM_COOKIE):
        return given
    made: str = getattr(request.state, "form_secret", "") or secrets.token_urlsafe(32)
    request.state.form_secret = made
    return made
