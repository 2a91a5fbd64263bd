"""The OpenAPI document, and a page of it for people.

The page needs nothing from elsewhere, no script either."""

from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from .once import HEADER
from .problems import SCHEMA

_DESCRIPTION = """\
Send `Authorization: Bearer TOKEN`. Make one by `POST /api/v1/users/{name}/tokens`, the first on the command line.
Errors are problem documents (RFC 9457). Lists come in pages: hand `next` in as `cursor`.
Times that you send need an offset; those that you get are in UTC.
What can be edited has an ETag: send it back in If-Match.
A decision names the text that it is about by its whole hash, as the review shows it.
A write with an `Idempotency-Key` is carried out once a day, however often it arrives.
"""
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The request is carried out once; sent again within a day it gets the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def install(app: FastAPI) -> None:
    """Serve ``/openapi.json`` and ``/docs``."""

    @lru_cache(maxsize=1)
    def document() -> dict[str, Any]:
        return _document(app)

    app.openapi = document  # type: ignore[method-assign] # FastAPI's own way to change it

    async def serve_document() -> JSONResponse:
        return JSONResponse(document())

    async def serve_page() -> HTMLResponse:
        return HTMLResponse(_page(document()), headers={"Content-Security-Policy": _PAGE_POLICY})

    app.add_api_route("/openapi.json", serve_document, include_in_schema=False)
    app.add_api_route("/docs", serve_page, include_in_schema=False)


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes, openapi_version="3.1.0"
    )
    document["components"]["schemas"]["Problem"] = SCHEMA
    for path in document["paths"].values():
        for method, operation in path.items():
            if method != "get":
                operation.setdefault("parameters", []).append(_KEY)
    return document


def _page(document: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("src.api"), autoescape=select_autoescape(["html"]), trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("docs.html").render(document=document)
