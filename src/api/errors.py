"""The API's wording of errors: problem documents (RFC 9457)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from src.domain.errors import ChangedMeanwhile, LongtailError, NotAuthenticated, TextReplaced

MEDIA_TYPE = "application/problem+json"  # RFC 9457, section 3
_CHALLENGE = 'Bearer realm="longtail"'  # RFC 6750, section 3
_TITLES = {
    400: "Bad request",
    404: "No such route",
    405: "Method not allowed",
    413: "Body too large",
    415: "Media type not supported",
    431: "Headers too large",
    500: "Defect",
}


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.add_exception_handler(LongtailError, _on_known)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


def problem_document(error: LongtailError) -> dict[str, object]:
    """Return the error as members of a problem document.

    These are ``type``, ``title``, ``status``, ``detail``, then the error's facts as extensions.

    ``type`` is a relative reference that names the error's class; ``title`` is the same for every problem of a type.
    ``retryable`` and ``retry_after`` (seconds) show whether the request may be repeated unchanged.
    """
    words = re.findall(r"[A-Z][a-z]*", type(error).__name__)
    document: dict[str, object] = {
        "type": f"/problems/{'-'.join(words).lower()}",
        "title": " ".join([words[0], *(word.lower() for word in words[1:])]),
        "status": error.status,
        "detail": error.message,
        "retryable": error.retryable,
    }
    if error.retry_after is not None:
        document["retry_after"] = error.retry_after.total_seconds()
    if error.hint is not None:
        document["hint"] = error.hint.value
    return document | {name: _json(value) for name, value in error.facts.items()}


def known_problem(error: LongtailError, *, detail: str | None = None) -> ProblemResponse:
    """Return the answer to a request that raised an error of ours.

    ``detail`` stands in for its own words.
    """
    headers = {}
    if isinstance(error, NotAuthenticated):
        told = "" if error.problem == "missing" else ', error="invalid_token"'
        headers["WWW-Authenticate"] = _CHALLENGE + told
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if isinstance(error, ChangedMeanwhile) and error.version is not None:
        headers["ETag"] = f'"{error.version}"'
    if isinstance(error, TextReplaced):
        headers["ETag"] = f'"{error.current}"'
    document = problem_document(error) | ({} if detail is None else {"detail": detail})
    return ProblemResponse(document, status_code=error.status, headers=headers)


def http_problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """Return the answer to a request that reached no use case."""
    title = _TITLES.get(status, "Error")
    document = {
        "type": f"/problems/{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "retryable": False,
    }
    return ProblemResponse(document, status_code=status, headers=headers)


async def _on_known(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, LongtailError)  # noqa: S101 - it is installed for these
    return known_problem(error)


async def _on_invalid(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - likewise
    problems = [{"field": _path(each["loc"]), "problem": _remedy(each)} for each in error.errors()]
    document = {
        "type": "/problems/input-invalid",
        "title": "Input invalid",
        "status": 422,
        "detail": "; ".join(f"{each['field']}: {each['problem']}" for each in problems[:_SHOWN]),
        "retryable": False,
        "problems": problems[:_SHOWN],
    }
    return ProblemResponse(document, status_code=422)


_SHOWN = 20  # problems of one request


async def _on_http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - likewise
    if error.status_code != _METHOD_NOT_ALLOWED:
        return http_problem(error.status_code, str(error.detail), headers=error.headers)
    allow = ", ".join(_methods(request.app, request.url.path))
    return http_problem(error.status_code, f"this route has {allow}", headers={"Allow": allow})


_METHOD_NOT_ALLOWED = 405


def _methods(app: FastAPI, path: str) -> list[str]:
    """Return the methods of a path; the library names one route's."""
    return sorted(
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
        for method in operations
    ) or ["GET"]


def _path(location: Sequence[int | str]) -> str:
    """Return where a value stands, as in ``body.profile.facts[0].id``."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def _remedy(problem: Mapping[str, Any]) -> str:
    return str(problem["msg"]).removeprefix("Value error, ")


def _json(value: object) -> object:
    """Return ``value`` as a JSON value.

    What JSON has no form for becomes text.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(name): _json(item) for name, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _json(asdict(value))
        case _:
            return str(value)
