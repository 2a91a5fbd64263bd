"""The API at its true size: 50,000 articles and 8 clients, and all of schemathesis."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from statistics import quantiles

import psutil
import pytest
from httpx2 import AsyncClient
from sqlalchemy import text
from temporalio.client import Client

from src.infrastructure.database.unit_of_work import Database
from tests.applications import an_application
from tests.conftest import cloned
from tests.finished_articles import finished_articles, save
from tests.integration.api.conftest import ADMIN, Api
from tests.integration.api.schemathesis import run_schemathesis
from tests.integration.api.served import served

Record = Callable[[str, object], None]

ARTICLES = 50_000
CLIENTS = 8
TIMED = 1_600  # requests of each kind
REQUESTS = 20_000
WARM = 4_000  # after which memory is measured
GROWTH = 1.05
FILL = (
    """INSERT INTO longtails (id, site, phrase, key, source, status)
       SELECT gen_random_uuid(), 'hardware-shop', 'keyword ' || n, 'keyword ' || n, 'load', 'written'
       FROM generate_series(1, :articles) AS n""",
    """INSERT INTO articles (id, batch_id, longtail_id, site, keyword, brief, status, words, content_hash, created_at)
       SELECT gen_random_uuid(), (SELECT id FROM batches LIMIT 1), id, site, phrase, '{}', 'needs_review', 900, 'h',
              now() - number * interval '1 second'
       FROM longtails WHERE source = 'load'""",
    """INSERT INTO stage_outputs (article_id, revision, stage, artefact, prompt, prompt_hash, provider, model,
                                  idempotency_key)
       SELECT id, 1, stage, '{}', 'p', 'h', 'openai', 'm', 'k' FROM articles, unnest(ARRAY['A', 'B', 'C', 'D']) AS stage
       WHERE content_hash = 'h'""",
    """INSERT INTO model_calls (id, article_id, site, keyword, revision, stage, prompt, prompt_hash, round, attempt,
                                provider, model, worker, status, input_tokens, output_tokens, cost_usd)
       SELECT gen_random_uuid(), id, site, keyword, 1, stage, 'p', 'h', 0, 1, 'openai', 'm', 'w', 'answered', 900, 700,
              0.01
       FROM articles, unnest(ARRAY['A', 'B', 'C', 'D']) AS stage WHERE content_hash = 'h'""",
)


@pytest.fixture
async def full(database_url: str) -> AsyncIterator[Database]:
    """A database with 50,000 articles in review."""
    async with cloned(database_url) as database:
        for ref in await finished_articles(database):
            await save(database, ref)
        async with database.engine.begin() as connection:
            for statement in FILL:
                await connection.execute(text(statement), {"articles": ARTICLES} if ":articles" in statement else {})
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM ANALYZE"))
        yield database


@asynccontextmanager
async def own_process(database: Database) -> AsyncIterator[tuple[int, psutil.Process]]:
    """Serve in a process of its own, and yield its port and the process."""
    url = database.engine.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.long.api_server",
        url,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdin
    try:
        yield int(await process.stdout.readline()), psutil.Process(process.pid)
    finally:
        process.stdin.close()
        assert await process.wait() == 0


async def p95_milliseconds(client: AsyncClient, paths: list[str], count: int) -> float:
    """Return the 95th percentile of ``count`` requests by eight clients at once."""
    left, took = iter(range(count)), []
    following = cycle(paths)

    async def ask() -> None:
        for _ in left:
            began = time.perf_counter()
            answer = await client.get(next(following))
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return quantiles(took, n=20)[-1]


async def test_lists_and_articles_cost_little_more_than_their_rows(full: Database, record_property: Record) -> None:
    token = await Api.on(full).person("anna", ADMIN)
    async with full.engine.connect() as connection:
        ids = [str(each) for each in await connection.scalars(text("SELECT id FROM articles LIMIT 500"))]
    async with (
        own_process(full) as (port, process),
        AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as client,
    ):
        queue = "/api/v1/articles?status=needs_review"
        page = (await client.get(queue)).json()["next"]
        routes = {
            "bare list": ["/bare/articles"],
            "queue list": [
                "/api/v1/articles?status=needs_review",
                f"/api/v1/articles?status=needs_review&cursor={page}",
            ],
            "bare article": [f"/bare/articles/{each}" for each in ids],
            "article": [f"/api/v1/articles/{each}" for each in ids],
        }
        took = {}
        for name, paths in routes.items():
            await p95_milliseconds(client, paths, 200)
            took[name] = await p95_milliseconds(client, paths, TIMED)
            record_property(f"{name}, p95 in ms", round(took[name], 1))
        record_property("queue list / bare", round(took["queue list"] / took["bare list"], 2))
        record_property("article / bare", round(took["article"] / took["bare article"], 2))
        every = [*routes["queue list"], *routes["article"][:100]]
        await p95_milliseconds(client, every, WARM)
        warm = process.memory_info().rss
        await p95_milliseconds(client, every, REQUESTS - WARM)
        grown = process.memory_info().rss / warm
        record_property("memory after 20,000 requests / after 4,000", round(grown, 3))
    assert grown < GROWTH
    # A request finds out who asks, in a transaction of its own; a list counts stages and calls of 50 articles.
    assert took["queue list"] / took["bare list"] < 8
    assert took["article"] / took["bare article"] < 8


@pytest.mark.parametrize("but", ["/events$|/users/", "/events$"], ids=["without people", "with people"])
async def test_schemathesis_finds_nothing_on_a_real_temporal(
    database_url: str, client: Client, tmp_path: Path, but: str
) -> None:
    """Without people first: it soon disables the one who asks."""
    async with cloned(database_url) as database:
        api = Api(an_application(client, database))
        await api.person("owner", ADMIN)
        for ref in await finished_articles(database):
            await save(database, ref)
        async with database.unit_of_work() as uow:
            (batch,) = await uow.batches.list_all()
            await uow.batches.close(batch.id, cancelled=False, error=None)
        token, phases = await api.person("curious", ADMIN), "examples,coverage,fuzzing,stateful"
        async with served(api.application) as port:
            code, said = await run_schemathesis(
                port, token, tmp_path, phases=phases, examples=10, config="strict.toml", but=but
            )
    assert code == 0, said
