"""What a deployment's probe makes is shown by no route, page or list, and counted nowhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from uuid import UUID

import pytest
from httpx2 import AsyncClient, Response
from sqlalchemy import text

from src.application.api_tokens import create_token
from src.application.reviews import Reviews
from src.domain.alert import AlertKind, Finding
from src.domain.article import ArticleRef
from src.domain.colour import BLUE
from src.domain.ids import ArticleId
from src.domain.probe import PROBE_KEYWORD, PROBE_SITE
from src.domain.usage import CallStatus
from src.infrastructure.database.tables import Table
from src.infrastructure.database.unit_of_work import Database
from tests.applications import ANNA
from tests.finished_articles import save, store_outputs
from tests.integration.api.test_permissions import FILTERED, HERE, Line, routes_of
from tests.integration.api.test_permissions import lines as api_lines
from tests.many_articles import fill_with_waiting

from .conftest import Browser, TheDesk
from .test_permissions import _MADE, ENDLESS, NOBODY, QUERIES
from .test_permissions import lines as desk_lines

API_LINES = [line for line in routes_of(api_lines()) if line.method == "GET"]
DESK_LINES = [line for line in desk_lines() if line.method == "GET" and line.key not in ENDLESS]
_PASSES = re.compile(  # times, ages, and what is made for one form
    r"\d{4}-\d\d-\d\d[T ][\d:.+Z]*|\d\d:\d\d(:\d\d)?|[0-9a-f]{64}|\b\d+(\.\d+)? (s|seconds?)\b"
    r"|name=\"key\" value=\"[^\"]*\""
)
_CALL = text(
    """INSERT INTO model_calls (id, article_id, site, keyword, revision, stage, prompt, prompt_hash, round, attempt,
                                 provider, model, worker, status, input_tokens, output_tokens, cost_usd, closed_at)
       VALUES (gen_random_uuid(), :article, :site, 'k', 1, 'C', 'p', 'h', 1, 1, 'offline', 'm', 'w', :status,
               1000000, 1000000, 5000, now())"""
)


@dataclass(frozen=True)
class World:
    desk: TheDesk
    client: AsyncClient
    browser: Browser
    ids: Mapping[str, str]


@pytest.fixture(scope="module")
async def world(desk: TheDesk) -> World:
    await fill_with_waiting(desk.database, 3, calls=True)
    async with desk.database.engine.connect() as connection:
        call, article, batch = (await connection.execute(text(_MADE))).one()
    comment = await Reviews(desk.database, by=ANNA).comment(ArticleId(article), "Who says so?")
    async with desk.database.unit_of_work() as uow:
        await uow.batches.close(batch, cancelled=False, error=None)
    made = await create_token(desk.database, "anna", "test", by=ANNA, lifetime=None)
    client = desk.browser().client
    client.headers["Authorization"] = f"Bearer {made.secret.get_secret_value()}"
    ids = {"site": HERE, "batch": str(batch), "article": str(article), "comment_id": str(comment.id)}
    ids |= {"comment": str(comment.id), "call_id": str(call), "number": "1", "publication": NOBODY}
    ids |= {"finding": "0", "part": "head", "backfill": NOBODY, "deployment": NOBODY, "name": "anna", "token": "test"}
    return World(desk, client, await desk.logged_in("anna"), ids)


async def planted(database: Database) -> ArticleRef:
    """Leave all that a probe can leave, and more: a finished article, calls, an alert, and a review."""
    seeing = database.seeing_probes()
    async with seeing.unit_of_work() as uow:
        ref = await uow.probes.plant(BLUE, workflow_id="probe")
        finding = Finding(kind=AlertKind.WORKFLOW_STUCK, subject="w", site=PROBE_SITE, detail="its tasks fail")
        await uow.alerts.settle(AlertKind.WORKFLOW_STUCK, [finding])
    await store_outputs(seeing, ref)
    await save(seeing, ref)
    async with database.engine.begin() as connection:
        for status in (CallStatus.OPEN, CallStatus.ANSWERED):
            values = {"article": ref.article_id, "site": PROBE_SITE, "status": status}
            await connection.execute(_CALL, values)
    return ref


async def removed(database: Database) -> None:
    async with database.unit_of_work() as uow:
        await uow.probes.remove()


async def ask(world: World, line: Line, ids: Mapping[str, str]) -> Response:
    if line in API_LINES:
        query = {"site": HERE} if line.key in FILTERED and ids is world.ids and "audit" in line.key else None
        query = {"before": "1", "after": "1"} if line.key.endswith("/diff") else query
        return await world.client.get(line.path.format(**ids), params=query)
    return await world.browser.client.get(f"/desk{line.path.format(**ids)}", params=QUERIES.get(line.key))


def pairs(before: Response, after: Response) -> list[tuple[str, str]]:
    """Return the lines of both, without what passes."""
    old, new = (_PASSES.sub("", answer.text).splitlines() for answer in (before, after))
    return list(zip_longest(old, new, fillvalue=""))


@pytest.mark.parametrize("line", [*API_LINES, *DESK_LINES], ids=lambda line: f"{line.key} {line.where}")
async def test_nothing_shows_a_probe(world: World, line: Line) -> None:
    before = await ask(world, line, world.ids)
    ref = await planted(world.desk.database)
    try:
        after = await ask(world, line, world.ids)
        assert after.status_code == before.status_code
        assert [new for old, new in pairs(before, after) if old != new] == []
        assert not any(trace in after.text for trace in (PROBE_SITE, PROBE_KEYWORD, str(ref.article_id)))
        if "{article}" in line.path or "{site}" in line.path or "{batch}" in line.path:
            own = await ask(world, line, await ids_of(world, ref))
            assert own.status_code in (303, 404, 422), own.text
            assert PROBE_KEYWORD not in own.text
    finally:
        await removed(world.desk.database)


async def ids_of(world: World, ref: ArticleRef) -> dict[str, str]:
    async with world.desk.database.engine.connect() as connection:
        batch: UUID = (
            await connection.execute(text("SELECT batch_id FROM articles WHERE id = :id"), {"id": ref.article_id})
        ).scalar_one()
    return {**world.ids, "article": str(ref.article_id), "batch": str(batch), "site": PROBE_SITE}


async def test_nothing_of_a_probe_is_left(world: World) -> None:
    rows = await count_rows(world.desk.database)
    await planted(world.desk.database)
    await removed(world.desk.database)
    assert await count_rows(world.desk.database) == rows
    async with world.desk.database.unit_of_work() as uow:
        assert await uow.audit.list_last("site") == {}


async def count_rows(database: Database) -> dict[str, int]:
    """Return how many rows each table has."""
    counted = {}
    async with database.engine.connect() as connection:
        for name in sorted(Table.metadata.tables):
            counted[name] = (await connection.execute(text(f"SELECT count(*) FROM {name}"))).scalar_one()  # noqa: S608 - our own tables
    return counted
