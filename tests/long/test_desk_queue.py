"""The desk's queue and article with many texts that wait, beside the API's answers for the same."""

import time
from collections.abc import AsyncIterator, Callable
from statistics import median

import pytest
from argon2 import PasswordHasher

from src.api.desk.pages import queue
from src.infrastructure.authentication.passwords import Passwords
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.conftest import cloned
from tests.integration.api.away import WithoutTemporal
from tests.integration.api.conftest import ADMIN, Api
from tests.integration.desk.conftest import TheDesk
from tests.many_articles import fill_with_waiting

FEW, MANY = 1_000, 50_000
TIMES = 40
FINDINGS = """
    INSERT INTO findings (article_id, revision, number, rule, rule_version, severity, message)
    SELECT article_id, 1, n, 'x.y', 1, CASE n WHEN 0 THEN 'blocking' WHEN 1 THEN 'warning' ELSE 'note' END, 'm'
    FROM (SELECT article_id, row_number() OVER () AS place FROM reviews) AS its, generate_series(0, 2) AS n
    WHERE n < place % 4 ON CONFLICT DO NOTHING"""
FILTERED = {
    "an age": "age=4h-",
    "no findings": "findings=none",
    "a score": "score=80",
    "words": "q=keyword+4999",
    "lowest score first": "sort=worst",
    "by keyword": "sort=keyword",
}


@pytest.fixture(scope="module", params=[FEW, MANY])
async def full(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Database]:
    """A database with so many texts in review, three in four with findings."""
    async with cloned(database_url) as database:
        await fill_with_waiting(database, request.param)
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql(FINDINGS)
            await connection.exec_driver_sql("ANALYZE")
        yield database


@pytest.mark.parametrize("rows", [queue.ROWS, 50])
async def test_the_page_shows_its_time_beside_the_apis(
    full: Database, say: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(queue, "ROWS", rows)
    application = WithoutTemporal.on(full, Settings.model_construct())
    object.__setattr__(application, "passwords", Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    desk = TheDesk(application)
    name = f"anna{rows}"
    await desk.person(name, [ADMIN])
    browser = await desk.logged_in(name)
    api = Api(application)
    async with api.client(await api.person(f"admin{rows}", ADMIN)) as asking:
        took: dict[str, list[float]] = {"api": [], "desk": []}
        for _ in range(TIMES):
            for kind, client, path in (
                ("api", asking, f"/api/v1/reviews?limit={rows}"),
                ("desk", browser.client, "/desk/queue?state=needs-review"),
            ):
                began = time.perf_counter()
                answer = await client.get(path)
                took[kind].append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.text
                assert answer.text.count("data-row" if kind == "desk" else '"article_id"') == rows
        shown = {kind: median(each) for kind, each in took.items()}
        article = answer.text.partition('name="pick" value="')[2].partition(":")[0]
        one: dict[str, list[float]] = {"api": [], "desk": []}
        for _ in range(TIMES):
            for kind, client, path in (
                ("api", asking, f"/api/v1/reviews/{article}"),
                ("desk", browser.client, f"/desk/articles/{article}"),
            ):
                began = time.perf_counter()
                assert (await client.get(path)).status_code == 200
                one[kind].append((time.perf_counter() - began) * 1000)
        shown |= {f"{kind}, one article": median(each) for kind, each in one.items()}
    for name, query in FILTERED.items():
        began = time.perf_counter()
        answer = await browser.get(f"/desk/queue?{query}")
        shown[name] = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200
    for name, milliseconds in shown.items():
        say(f"{name}: {milliseconds:.1f} ms")
    say(f"article: {shown['desk, one article'] / shown['api, one article']:.1f} times the API")
    say(f"page of {rows}: {shown['desk'] / shown['api']:.1f} times the API")
