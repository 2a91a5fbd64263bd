"""The API at its true size: 50,000 articles and 8 clients, and all of schemathesis."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles

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
from tests.integration.infrastructure.database.test_queries import counted
from tests.many_articles import fill_with_waiting

Record = Callable[[str, object], None]

ARTICLES = 50_000
CLIENTS = 8
SEEN = 500  # articles that are asked for one by one
ROUNDS = 5  # in which all kinds take turns, since others use the machine too
TIMED = 200  # requests of each kind in a round
REQUESTS = 20_000
MEASURED = (2_000, 10_000, REQUESTS)  # after so many requests memory is measured
GROWTH = 1.05  # from the second to the last
STATEMENTS = {"queue": 4, "article list": 4, "review": 13, "article": 6}  # with two that find out who asks


@pytest.fixture(scope="module")
async def full(database_url: str) -> AsyncIterator[Database]:
    """A database with 50,000 articles in review."""
    async with cloned(database_url) as database:
        await fill_with_waiting(database, ARTICLES, calls=True)
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


async def milliseconds(client: AsyncClient, paths: list[str], count: int) -> list[float]:
    """Return how long ``count`` requests took by eight clients at once."""
    left, following, took = iter(range(count)), cycle(paths), []

    async def ask() -> None:
        for _ in left:
            began = time.perf_counter()
            answer = await client.get(next(following))
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, answer.text

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return took


async def routes(client: AsyncClient, database: Database) -> dict[str, tuple[list[str], list[str]]]:
    """Return what is measured: paths of the API, and those of a bare SELECT of their rows."""
    async with database.engine.connect() as connection:
        ids = [
            str(each) for each in await connection.scalars(text("SELECT id FROM articles LIMIT :seen"), {"seen": SEEN})
        ]

    async def listed(path: str, bare: str) -> tuple[list[str], list[str]]:
        page = (await client.get(path)).json()["next"]
        return [path, f"{path}{'&' if '?' in path else '?'}cursor={page}"], [bare]

    return {
        "queue": await listed("/api/v1/reviews", "/bare/reviews"),
        "article list": await listed("/api/v1/articles?status=needs_review", "/bare/articles"),
        "review": ([f"/api/v1/reviews/{each}" for each in ids], [f"/bare/reviews/{each}" for each in ids]),
        "article": ([f"/api/v1/articles/{each}" for each in ids], [f"/bare/articles/{each}" for each in ids]),
    }


@asynccontextmanager
async def asking(database: Database, name: str) -> AsyncIterator[tuple[AsyncClient, psutil.Process]]:
    """Yield who asks a server in a process of its own, and that process."""
    token = await Api.on(database).person(name, ADMIN)
    async with (
        own_process(database) as (port, process),
        AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as client,
    ):
        yield client, process


async def test_lists_and_articles_cost_little_more_than_their_rows(
    full: Database, record_property: Record, say: Callable[[str], None]
) -> None:
    async with asking(full, "anna") as (client, _):
        kinds = await routes(client, full)
        took: dict[str, tuple[list[float], list[float]]] = {kind: ([], []) for kind in kinds}
        for number in range(ROUNDS + 1):
            for kind, pair in kinds.items():
                for paths, times in zip(pair, took[kind], strict=True):
                    measured = await milliseconds(client, paths, TIMED)
                    times.extend(measured if number else [])  # the first round warms up
    ratios = {}
    for kind, (ours, bare) in took.items():
        p95, bare_p95 = quantiles(ours, n=20)[-1], quantiles(bare, n=20)[-1]
        ratios[kind] = p95 / bare_p95
        record_property(f"{kind}: p95 / bare", round(ratios[kind], 2))
        medians = median(ours) / median(bare)
        say(f"{kind}: p95 {p95:.1f} ms, bare {bare_p95:.1f}: {ratios[kind]:.2f} times; medians {medians:.2f}")
    # A request finds out who asks, in a transaction of its own; a list of articles counts stages and calls of 50.
    assert max(ratios.values()) < 8


async def test_memory_stays_flat_over_twenty_thousand_requests(
    full: Database, record_property: Record, say: Callable[[str], None]
) -> None:
    async with asking(full, "bert") as (client, process):
        kinds = (await routes(client, full)).values()
        in_turn = zip(range(SEEN), *(cycle(ours) for ours, _ in kinds), strict=False)
        every = [path for _, *paths in in_turn for path in paths]
        resident, done = [], 0
        for until in MEASURED:
            await milliseconds(client, every, until - done)
            done = until
            resident.append(process.memory_info().rss / 2**20)
    record_property("resident_mb", [round(each, 1) for each in resident])
    say(", ".join(f"{mb:.1f} MB after {count:,}" for count, mb in zip(MEASURED, resident, strict=True)))
    assert resident[-1] < GROWTH * resident[-2]


async def test_a_request_needs_as_many_statements_with_50000_articles_as_with_one(
    full: Database, say: Callable[[str], None]
) -> None:
    api = Api.on(full)
    async with api.client(await api.person("carl", ADMIN)) as client:
        kinds = await routes(client, full)
        for kind, (paths, _) in kinds.items():
            with counted(full) as statements:
                assert (await client.get(paths[-1])).status_code == 200
            say(f"{kind}: {len(statements)} statements")
            assert len(statements) <= STATEMENTS[kind], statements


@pytest.mark.parametrize(
    ("only", "but"), [(None, "/events$|/users/"), ("/users", "/events$")], ids=["without people", "people"]
)
async def test_schemathesis_finds_nothing_on_a_real_temporal(
    database_url: str,
    client: Client,
    tmp_path: Path,
    say: Callable[[str], None],
    only: str | None,
    but: str,
) -> None:
    """People apart: as soon as it disables the one who asks, every answer is 401."""
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
                port, token, tmp_path, phases=phases, examples=10, config="strict.toml", only=only, but=but
            )
    say(said[said.find("API Operations:") :])
    assert code == 0, said
