"""What every request can rely on: ids, limits, problem documents, versions, keys, pages."""

import asyncio
import json
from typing import Any

import pytest
from httpx2 import AsyncClient, Response
from sqlalchemy import event, text
from structlog.testing import capture_logs

from src.api.app import MAX_BODY_BYTES
from src.api.examples import SCHEDULE, SITE
from src.application.requests import Requests
from src.domain.errors import Conflict, ConflictReason
from src.domain.principal import Origin, Principal
from tests.factories import a_site, longtails

from .conftest import Api

HOSTILE = (
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    '" onerror="alert(1)',
    "a\r\nX-Injected: yes",
    "nul\x00byte",
    "x" * 1_000_000,
    "\u202eevil\u202c",
    "=cmd|' /C calc'!A0",
)


def is_problem(answer: Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "retryable"} <= document.keys()
    return document


@pytest.fixture(scope="module")
async def shop(api: Api, admin: str) -> str:
    async with api.client(admin) as client:
        assert (await client.post("/api/v1/sites", json=SITE)).status_code == 201
    return SITE["slug"]  # type: ignore[return-value]


# --- problems, ids, headers


async def test_every_kind_of_error_is_a_problem_document(asking: AsyncClient, shop: str) -> None:
    is_problem(await asking.get("/api/v1/nothing"), 404)
    is_problem(await asking.get("/api/v1/sites/unknown-shop"), 404)
    assert is_problem(await asking.patch(f"/api/v1/sites/{shop}"), 405)["type"] == "/problems/method-not-allowed"
    is_problem(await asking.post("/api/v1/sites", content=b"{", headers={"Content-Type": "application/json"}), 422)
    is_problem(await asking.post("/api/v1/sites", json=SITE), 409)
    is_problem(await asking.get("/api/v1/batches/not-an-id"), 422)
    is_problem(await asking.post(f"/api/v1/sites/{shop}/batches", json={}), 503)
    invalid = is_problem(await asking.post("/api/v1/sites", json=SITE | {"language": "klingon!", "colour": 1}), 422)
    assert {each["field"] for each in invalid["problems"]} == {"body.language", "body.colour"}


async def test_a_body_above_the_limit_is_refused_whether_its_length_is_told_or_not(asking: AsyncClient) -> None:
    async def without_length() -> Any:
        for _ in range(3):
            yield b"x" * MAX_BODY_BYTES

    for content in (b"x" * (MAX_BODY_BYTES + 1), without_length()):
        headers = {"Content-Type": "application/json"}
        is_problem(await asking.post("/api/v1/sites", content=content, headers=headers), 413)
    is_problem(await asking.get("/api/v1/sites", headers={"X-Long": "x" * 20_000}), 431)


async def test_a_request_keeps_its_id_in_the_answer_and_the_log(asking: AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await asking.get("/api/v1/sites", headers={"X-Request-Id": "build-77"})
    assert answer.headers["X-Request-Id"] == "build-77"
    (line,) = [each for each in logs if each["event"] == "request_served"]
    assert (line["method"], line["status"]) == ("GET", 200)
    forged = await asking.get("/api/v1/sites", headers={"X-Request-Id": "a b"})
    assert len(forged.headers["X-Request-Id"]) == 32


async def test_answers_cannot_be_framed_sniffed_cached_or_read_by_other_sites(asking: AsyncClient) -> None:
    answer = await asking.get("/api/v1/sites", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_a_defect_is_a_problem_that_names_its_log_line(
    api: Api, asking: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret of the defect")

    monkeypatch.setattr("src.application.alerts.list_alert_page", fail)
    with capture_logs() as logs:
        answer = await asking.get("/api/v1/alerts")
    document = is_problem(answer, 500)
    assert answer.headers["X-Request-Id"] in document["detail"]
    assert "secret" not in answer.text
    assert any(each["event"] == "request_failed" for each in logs)


# --- versions


async def test_a_change_of_an_old_state_is_refused_with_both(asking: AsyncClient, shop: str) -> None:
    path = f"/api/v1/sites/{shop}"
    first = (await asking.get(path)).headers["ETag"]
    assert is_problem(await asking.put(path, json=SITE | {"name": "New"}), 428)["noun"] == "site"
    changed = await asking.put(path, json=SITE | {"name": "Anna's"}, headers={"If-Match": first})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first
    refused = await asking.put(path, json=SITE | {"name": "Bert's"}, headers={"If-Match": first})
    document = is_problem(refused, 412)
    assert (document["current"]["name"], document["wanted"]["name"]) == ("Anna's", "Bert's")
    assert refused.headers["ETag"] == changed.headers["ETag"]
    again = await asking.put(path, json=SITE, headers={"If-Match": changed.headers["ETag"]})
    assert again.headers["ETag"] == first
    assert (await asking.get(path)).headers["ETag"] == first


async def test_the_base_url_of_another_site_is_refused(asking: AsyncClient, shop: str) -> None:
    other = SITE | {"slug": "other-shop"}
    taken = is_problem(await asking.post("/api/v1/sites", json=other), 409)
    assert (taken["reason"], taken["details"]["other"]) == ("base_url_taken", shop)
    path = "/api/v1/sites/other-shop"
    made = await asking.post("/api/v1/sites", json=other | {"base_url": "https://other.example"})
    again = is_problem(await asking.put(path, json=other, headers={"If-Match": made.headers["ETag"]}), 409)
    assert again["reason"] == "base_url_taken"
    assert (await asking.delete(path)).status_code == 200


async def test_of_two_changes_of_one_state_at_once_one_wins(asking: AsyncClient, shop: str) -> None:
    path = f"/api/v1/sites/{shop}"
    tag = (await asking.get(path)).headers["ETag"]
    answers = await asyncio.gather(
        *(asking.put(path, json=SITE | {"name": name}, headers={"If-Match": tag}) for name in ("one", "two", "three"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_a_schedule_says_what_it_replaces_too(asking: AsyncClient, shop: str) -> None:
    path = f"/api/v1/sites/{shop}/schedule"
    is_problem(await asking.put(path, json=SCHEDULE), 428)
    assert is_problem(await asking.put(path, json=SCHEDULE, headers={"If-Match": "*"}), 412).get("current") is None
    is_problem(await asking.put(path, json=SCHEDULE, headers={"If-None-Match": "*"}), 503)  # it got past that


# --- keys


async def test_a_request_with_a_key_is_carried_out_once(asking: AsyncClient, shop: str) -> None:
    async def ask(name: str) -> Response:
        return await asking.post("/api/v1/users", json={"name": name}, headers={"Idempotency-Key": "one"})

    first, again = await ask("kim"), await ask("kim")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert is_problem(await ask("lee"), 422)["reason"] == "reused"
    assert (await asking.get("/api/v1/users/lee")).status_code == 404


async def test_of_two_at_once_one_is_carried_out(asking: AsyncClient) -> None:
    async def ask() -> Response:
        return await asking.post("/api/v1/users", json={"name": "max"}, headers={"Idempotency-Key": "two"})

    answers = await asyncio.gather(*(ask() for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.status_code == 201 and "Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert (await ask()).status_code == 201


async def test_a_refused_request_gives_its_key_back(asking: AsyncClient) -> None:
    path, headers = "/api/v1/users/nobody/disable", {"Idempotency-Key": "three"}
    is_problem(await asking.post(path, headers=headers), 404)
    is_problem(await asking.post(path, headers=headers), 404)


async def test_an_answer_with_a_secret_is_not_kept(api: Api, asking: AsyncClient) -> None:
    made = {"name": "ci", "days": 1}
    headers = {"Idempotency-Key": "four"}
    first = await asking.post("/api/v1/users/admin/tokens", json=made, headers=headers)
    assert first.status_code == 201
    document = is_problem(await asking.post("/api/v1/users/admin/tokens", json=made, headers=headers), 409)
    assert document["reason"] == "request_answered_once"
    async with api.database.engine.connect() as connection:
        kept = await connection.scalar(text("SELECT string_agg(idempotency_keys::text, '') FROM idempotency_keys"))
    assert first.json()["secret"] not in (kept or "")


async def test_a_request_that_was_cut_off_is_not_repeated_unseen(api: Api) -> None:
    requests = Requests(api.database, by=Principal(name="admin", origin=Origin.API))
    assert await requests.begin("five", "f") is None
    with pytest.raises(Conflict) as waiting:
        await requests.begin("five", "f")
    async with api.database.engine.begin() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET claimed_at = now() - interval '11 minutes'"))
    with pytest.raises(Conflict) as lost:
        await requests.begin("five", "f")
    assert waiting.value.reason is ConflictReason.REQUEST_UNDER_WAY
    assert lost.value.reason is ConflictReason.REQUEST_INTERRUPTED
    async with api.database.engine.begin() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET claimed_at = now() - interval '25 hours'"))
    assert await requests.begin("five", "f") is None


# --- pages


async def test_pages_show_every_row_once_in_order(api: Api, asking: AsyncClient, shop: str) -> None:
    async with api.database.unit_of_work() as uow:
        await uow.longtails.add(shop, longtails(25), source="test")
    seen: list[str] = []
    cursor = None
    while True:
        params: dict[str, str | int] = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = (await asking.get(f"/api/v1/sites/{shop}/keywords", params=params)).json()
        seen += [each["phrase"] for each in page["items"]]
        if not (cursor := page["next"]):
            break
    assert seen == [longtail.phrase for longtail in longtails(25)]
    found = await asking.get(f"/api/v1/sites/{shop}/keywords", params={"containing": "NUMBER 2"})
    assert [each["phrase"][-9:] for each in found.json()["items"]] == [f"number {n}" for n in range(20, 25)]


@pytest.mark.parametrize("cursor", ["x", "e30", "eyJhdCI6IjAwMDEtMDEtMDFUMDA6MDA6MDBaIiwiaWQiOiIxIn0"])
async def test_a_cursor_of_something_else_is_refused(asking: AsyncClient, shop: str, cursor: str) -> None:
    for path in ("/api/v1/batches", "/api/v1/articles", "/api/v1/audit", f"/api/v1/sites/{shop}/keywords"):
        document = is_problem(await asking.get(path, params={"cursor": cursor}), 422)
        assert document["field"] == "cursor"


async def test_a_parameter_that_a_route_does_not_have_is_named_with_those_it_has(
    api: Api, asking: AsyncClient, shop: str
) -> None:
    for name in ("nosuch", "sort", "after"):
        document = is_problem(await asking.get("/api/v1/sites", params={name: "1"}), 422)
        (problem,) = document["problems"]
        assert problem["field"] == f"query.{name}"
        assert problem["problem"].startswith("no parameter of this route; there are: ")
        assert "cursor, limit" in problem["problem"]
    told = is_problem(await asking.get(f"/api/v1/sites/{shop}", params={"nosuch": ""}), 422)
    assert told["detail"] == "query.nosuch: no parameter of this route; there are: none"
    is_problem(await asking.post(f"/api/v1/sites/{shop}/batches", params={"nosuch": "1"}, json={}), 422)
    async with api.client() as nobody:
        is_problem(await nobody.get("/api/v1/sites", params={"nosuch": "1"}), 401)


async def test_a_page_costs_the_same_statements_however_long_it_is(api: Api, asking: AsyncClient, shop: str) -> None:
    async with api.database.unit_of_work() as uow:
        for number in range(12):
            await uow.sites.upsert(a_site(slug=f"branch-{number}"))
    counts: dict[str, set[int]] = {}
    for path in (
        "/api/v1/sites",
        "/api/v1/batches",
        "/api/v1/articles",
        "/api/v1/alerts",
        "/api/v1/audit",
        "/api/v1/users",
    ):
        for limit in (1, 50):
            with counted(api) as statements:
                assert (await asking.get(path, params={"limit": limit})).status_code == 200
            counts.setdefault(path, set()).add(len(statements))
    assert all(len(each) == 1 for each in counts.values()), counts
    assert max(max(each) for each in counts.values()) <= 6, counts  # three of them find out who asks


class counted:  # noqa: N801 - reads as a word of the test
    """Collects the statements that reach the database."""

    def __init__(self, api: Api) -> None:
        self._engine = api.database.engine.sync_engine
        self._statements: list[str] = []

    def __enter__(self) -> list[str]:
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self._statements

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def _note(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith("UPDATE api_tokens"):  # once a minute
            self._statements.append(statement)


# --- what a list of keywords, a name or a note may hold


@pytest.mark.parametrize("bytes_", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_refused_or_comes_out_inert(asking: AsyncClient, shop: str, bytes_: str) -> None:
    answers = [
        await asking.post("/api/v1/sites", json=SITE | {"slug": "hostile-shop", "name": bytes_}),
        await asking.post("/api/v1/users", json={"name": "eve", "display_name": bytes_}),
        await asking.put("/api/v1/holds", json={"depth": "articles", "note": bytes_}),
        await asking.post(f"/api/v1/sites/{shop}/keywords/import", content=bytes_.encode(), params={"dry_run": False}),
        await asking.post(f"/api/v1/sites/{shop}/keywords/requeue", json={"phrases": [bytes_]}),
        await asking.get(f"/api/v1/sites/{shop}/keywords", params={"containing": bytes_[:5000]}),
        await asking.get("/api/v1/sites", headers={"Authorization": f"Bearer {bytes_[:500]!r}"}),
        await asking.get("/api/v1/users/admin", headers={"Idempotency-Key": repr(bytes_[:500])}),
    ]
    for answer in answers:
        assert answer.status_code < 500 or answer.json()["type"] == "/problems/engine-unavailable", answer.text
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "X-Injected" not in answer.headers
        json.loads(answer.content)
        assert b"\x00" not in answer.content
    exported = await asking.get("/api/v1/audit/export")
    assert exported.headers["content-type"].startswith("text/csv")
    assert "attachment" in exported.headers["Content-Disposition"]
    cells = [cell.strip('"') for line in exported.text.splitlines() for cell in line.split(",")]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    lines = (await asking.get("/api/v1/audit/export", params={"form": "jsonl"})).text.splitlines()
    assert all(json.loads(line)["number"] for line in lines)
