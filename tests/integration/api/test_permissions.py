"""Every route × role × relation to the site lets through what ``docs/permissions.csv`` allows, and nothing else.

``docs/routes.csv`` names the action of each route; both files are kept by hand. *site*: the route is about one site,
whose person or id is in the path, the filter or the body; *all*: about all of them; *yours*: anybody gets his own part.
"""

import csv
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Response
from sqlalchemy import text

from src.api.examples import SCHEDULE, SITE
from src.application.api_tokens import create_token
from src.application.people import add_person, set_disabled
from src.application.publishing import list_publications
from src.application.reviews import Reviews
from src.domain.errors import EngineUnavailable
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.person import Grant, Role
from src.domain.publishing import PublicationRecord
from tests.applications import ANNA
from tests.factories import a_site
from tests.finished_articles import finished_articles, save
from tests.publications import approve

from .conftest import ADMIN, Api

DOCS = Path(__file__).parents[3] / "docs"
HERE, ELSEWHERE = "hardware-shop", "garden-shop"
NOBODY = str(uuid4())
OTHER_TEXT = "0" * 64  # a text that no article has: whoever may decide is told so, and nothing changes
SEEN_TEXTS = [{"article_id": "{article}", "content_hash": OTHER_TEXT}]

RELATIONS: dict[str, tuple[str | None, str | None]] = {  # site of the role, site of the token
    "own_site": (HERE, None),
    "other_site": (ELSEWHERE, None),
    "all_sites": (None, None),
    "token_elsewhere": (None, ELSEWHERE),
}
REQUESTS: dict[str, dict[str, Any]] = {  # what a route needs to get as far as the permission, and changes little
    "POST /sites": {"json": SITE},
    "PUT /sites/{site}": {"json": SITE, "headers": {"If-Match": '"0"'}},
    "DELETE /sites/{site}": {"params": {"dry_run": True}},
    "POST /sites/{site}/keywords/import": {"content": "how to", "params": {"dry_run": True}},
    "POST /sites/{site}/keywords/requeue": {"json": {"phrases": ["unknown"]}},
    "POST /sites/{site}/batches": {"json": {}},
    "POST /articles/{article}/retry": {"json": {}},
    "POST /articles/{article}/revise": {"json": {"from_stage": "D"}},
    "GET /articles/{article}/diff": {"params": {"before": 1, "after": 1}},
    "POST /articles/{article}/revisions": {"json": {"title": "Other", "parent": OTHER_TEXT}},
    "POST /articles/{article}/diff/accept": {
        "json": {"before": 1, "after": 1, "hunks": []},
        "headers": {"If-Match": f'"{OTHER_TEXT}"'},
    },
    "POST /reviews/{article}/claim": {"json": {}},
    "POST /reviews/{article}/assign": {"json": {"person": None}},
    "POST /reviews/{article}/comments": {"json": {"text": "Who says so?"}},
    "POST /reviews/{article}/seen": {"json": {}},
    "POST /reviews/{article}/findings/{finding}/waive": {"json": {"content_hash": OTHER_TEXT, "reason": "a quote"}},
    "POST /reviews/{article}/approve": {"json": {"content_hash": OTHER_TEXT}},
    "POST /reviews/{article}/request-changes": {"json": {"content_hash": OTHER_TEXT, "reason": "tone"}},
    "POST /reviews/{article}/reject": {
        "json": {"content_hash": OTHER_TEXT, "reason": "duplicate", "keyword": "never"},
    },
    "POST /reviews/{article}/snooze": {"json": {"until": "2100-01-01T00:00:00Z"}},
    "POST /reviews/{article}/park": {"json": {"content_hash": OTHER_TEXT}},
    "POST /reviews/{article}/withdraw": {"json": {"reason": "error"}},
    "POST /reviews/{article}/restore": {"json": {}},
    "POST /decisions/approve": {"json": {"texts": SEEN_TEXTS}},
    "POST /decisions/request-changes": {"json": {"texts": SEEN_TEXTS, "reason": "tone"}},
    "POST /decisions/reject": {"json": {"texts": SEEN_TEXTS, "reason": "duplicate", "keyword": "never"}},
    "POST /articles/{article}/publish": {"json": {}},
    "POST /articles/{article}/publish/force": {"json": {"reason": "a test"}},
    "POST /articles/{article}/publish/take-off": {"json": {}},
    "POST /articles/{article}/publish/restore": {"json": {}},
    "PUT /sites/{site}/schedule": {"json": SCHEDULE, "headers": {"If-Match": '"0"'}},
    "POST /sites/{site}/schedule/preview": {"json": SCHEDULE},
    "POST /sites/{site}/schedule/pause": {"json": {"note": "relaunch"}},
    "POST /sites/{site}/schedule/resume": {"json": {"note": "relaunch"}},
    "POST /sites/{site}/schedule/trigger": {"json": {}},
    "POST /sites/{site}/backfills": {"json": {"first": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}},
    "PUT /holds": {"json": {"depth": "articles", "note": "relaunch"}},
    "PUT /sites/{site}/hold": {"json": {"depth": "articles", "note": "relaunch"}},
    "POST /deployments/promote": {"json": {"colour": "green"}},
    "POST /deployments/drain": {"json": {"colour": "green"}},
    "POST /deployments/rollback": {"json": {}},
    "POST /users": {"json": {"name": "target"}},
    "POST /users/{name}/grant": {"json": {"role": "viewer", "site": HERE}},
    "POST /users/{name}/withdraw": {"json": {"role": "admin", "site": HERE}},
    "POST /users/{name}/tokens": {"json": {"name": "taken", "days": 1}},
}
FILTERED = {
    *("GET /batches", "GET /articles", "GET /reviews", "GET /publications"),
    *("GET /alerts", "GET /audit", "GET /audit/export"),
}


@dataclass(frozen=True)
class Line:
    method: str
    path: str
    action: str
    where: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1')}"


@dataclass(frozen=True)
class World:
    """Who asks, by role and relation; and the ids of what they ask for."""

    api: Api
    tokens: dict[tuple[Role, str], str]
    useless: dict[str, str | None]
    ids: dict[str, str]


def lines() -> list[Line]:
    with (DOCS / "routes.csv").open(encoding="utf-8", newline="") as file:
        return [Line(**row) for row in csv.DictReader(file)]


def routes_of(lines: list[Line]) -> list[Line]:
    return [line for line in lines if line.method != "command line"]


def allowed() -> dict[tuple[str, str], dict[str, str]]:
    with (DOCS / "permissions.csv").open(encoding="utf-8", newline="") as file:
        return {(row["action"], row["role"]): row for row in csv.DictReader(file)}


ALLOWED = allowed()


def is_allowed(line: Line, role: Role, relation: str) -> bool:
    """Return what the two files say."""
    if line.where == "yours":
        return True
    row = ALLOWED[line.action, role.value]
    if line.where == "all":
        return relation == "all_sites" and row["installation"] == "yes"
    if Action(line.action).noun in ("user", "token", "deployment", "database"):
        raise AssertionError("these concern no site")
    return row[{"token_elsewhere": "other_site"}.get(relation, relation)] == "yes"


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    await api.person("owner", ADMIN)
    refs = await finished_articles(api.database, 2)
    for ref in refs:
        await save(api.database, ref)
    publication = await published(api, (await approve(api.database, refs[1].article_id)).article_id)
    comment = await Reviews(api.database, by=ANNA).comment(refs[0].article_id, "Who says so?")
    async with api.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=ELSEWHERE))
        (batch,) = await uow.batches.list_all()
        await uow.batches.close(batch.id, cancelled=False, error=None)
    tokens = {
        (role, relation): await api.person(
            f"{role}.{relation}".replace("_", "-"), Grant(role=role, site=granted), site=token
        )
        for role in Role
        for relation, (granted, token) in RELATIONS.items()
    }
    await add_person(api.database, "target", Grant(role=Role.VIEWER, site=HERE), by=ANNA)
    await create_token(api.database, "target", "taken", by=ANNA, lifetime=None)
    disabled = await api.person("disabled", ADMIN)
    await set_disabled(api.database, "disabled", by=ANNA, disabled=True)
    expired = await api.person("expired", ADMIN, lifetime=timedelta(microseconds=1))
    useless = {"no credential": None, "unknown": "longtail_" + "x" * 43, "expired": expired, "disabled user": disabled}
    ids = {
        "site": HERE,
        "batch": str(batch.id),
        "article": str(refs[0].article_id),
        "comment": str(comment.id),
        "publication": str(publication.id),
        "finding": "0",
        "number": "1",
        "backfill": NOBODY,
        "deployment": NOBODY,
        "name": "target",
        "token": "unknown",
    }
    return World(api, tokens, useless, ids)


async def published(api: Api, article_id: ArticleId) -> PublicationRecord:
    """Ask for the publication of an approved article; no workflow is told."""
    with suppress(EngineUnavailable):
        await api.application.publishing.publish(article_id)
    (found,) = await list_publications(api.database, article_id=article_id)
    return found


async def ask(client: AsyncClient, line: Line, ids: dict[str, str]) -> Response:
    request = json.loads(json.dumps(REQUESTS.get(line.key, {})).replace("{article}", ids["article"]))
    if line.key in FILTERED:
        request["params"] = {"site": HERE}
    return await client.request(line.method, line.path.format(**ids), **request)


async def count_events(api: Api) -> int:
    async with api.database.engine.connect() as connection:
        return await connection.scalar(text("SELECT count(*) FROM audit_events")) or 0


def test_every_route_has_exactly_one_line(api: Api) -> None:
    document = api.app.openapi()
    served = [
        (method.upper(), path)
        for path, operations in document["paths"].items()
        if path.startswith("/api/")
        for method in operations
    ]
    assert sorted((line.method, line.path) for line in routes_of(lines())) == sorted(served)


def test_every_action_has_a_route_a_page_or_a_command() -> None:
    with (DOCS / "desk-routes.csv").open(encoding="utf-8", newline="") as file:
        of_pages = {row["action"] for row in csv.DictReader(file)}
    assert ({line.action for line in lines()} | of_pages) - {"anybody"} == {action.value for action in Action}


@pytest.mark.parametrize("line", routes_of(lines()), ids=lambda line: line.key)
async def test_a_route_lets_through_what_the_file_allows(world: World, line: Line) -> None:
    wrong: list[tuple[str, int]] = []
    await world.api.app.state.background.wait()
    before = await count_events(world.api)
    for why, token in world.useless.items():
        async with world.api.client(token) as client:
            answer = await ask(client, line, world.ids)
        if answer.status_code != 401 or "WWW-Authenticate" not in answer.headers:
            wrong.append((why, answer.status_code))
    for pair in (pair for pair in world.tokens if not is_allowed(line, *pair)):
        answer = await ask_as(world, pair, line)
        if answer.status_code != 403:
            wrong.append((f"{pair} is refused", answer.status_code))
    assert await count_events(world.api) == before, "a refusal left a trace"
    for pair in (pair for pair in world.tokens if is_allowed(line, *pair)):
        answer = await ask_as(world, pair, line)
        if answer.status_code in (401, 403, 422, 428, 500) or shows_too_much(line, pair[1], answer):
            wrong.append((f"{pair} is allowed", answer.status_code))
    assert wrong == []


async def ask_as(world: World, pair: tuple[Role, str], line: Line) -> Response:
    async with world.api.client(world.tokens[pair]) as client:
        return await ask(client, line, world.ids)


def shows_too_much(line: Line, relation: str, answer: Response) -> bool:
    """Return whether somebody of the other site is shown this one."""
    return line.where == "yours" and relation in ("other_site", "token_elsewhere") and HERE in answer.text
