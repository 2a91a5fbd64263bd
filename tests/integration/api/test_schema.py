"""Whatever the OpenAPI document allows is answered as it says; the page of it needs nothing from elsewhere."""

import json
import re
from pathlib import Path
from typing import Any

from fastapi.params import Body
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from src.api.app import NOUNS, PREFIX
from tests.finished_articles import finished_articles, save

from .conftest import ADMIN, Api
from .schemathesis import run_schemathesis
from .served import served


async def test_schemathesis_finds_nothing(api: Api, admin: str, tmp_path: Path) -> None:
    for ref in await finished_articles(api.database):
        await save(api.database, ref)
    asking = await api.person("curious", ADMIN)
    async with served(api.application) as port:
        code, said = await run_schemathesis(port, asking, tmp_path, phases="examples,fuzzing", examples=1)
    assert code == 0, said


async def test_every_operation_is_described_with_its_problems(api: Api) -> None:
    document = api.app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], path
            if path.startswith(PREFIX):
                assert {"401", "403", "404", "422", "500", "503"} <= operation["responses"].keys(), path
                assert operation["security"], path
            if method != "get":
                assert "Idempotency-Key" in [each["name"] for each in operation["parameters"]], path


def test_the_examples_are_what_the_api_takes() -> None:
    routes = [each for noun in NOUNS for each in noun.router.routes if isinstance(each, APIRoute)]
    bodies = [each.body_field.field_info for each in routes if each.body_field]
    examples: list[tuple[Any, Any]] = [
        (body.annotation, example)
        for body in bodies
        if isinstance(body, Body)
        for example in (body.openapi_examples or {}).values()
    ]
    assert len(examples) > 20
    for kind, example in examples:
        TypeAdapter[Any](kind).validate_json(json.dumps(example["value"]))


async def test_the_page_of_the_document_needs_nothing_from_elsewhere(api: Api) -> None:
    async with api.client() as nobody:
        page, document = await nobody.get("/docs"), await nobody.get("/openapi.json")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    assert "<script" not in page.text
    for path in document.json()["paths"]:
        assert path in page.text


async def test_probes_need_no_token_and_tell_what_is_missing(api: Api) -> None:
    async with api.client() as probe:
        alive, ready = await probe.get("/health/live"), await probe.get("/health/ready")
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.json() == {"database": "ok", "migrations": "ok", "temporal": "unavailable"}
