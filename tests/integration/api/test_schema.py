"""Whatever the OpenAPI document allows is answered as it says; the page of it needs nothing from elsewhere."""

import re
from pathlib import Path

from src.api.app import PREFIX
from src.api.examples import SCHEDULE, SITE
from src.api.schedule_form import ScheduleForm
from src.domain.site import Site
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


async def test_the_examples_are_what_the_api_takes() -> None:
    assert Site.model_validate(SITE).slug == SITE["slug"]
    assert ScheduleForm.model_validate(SCHEDULE).change.times


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
