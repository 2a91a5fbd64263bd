"""A request needs a handful of statements, however many rows it shows."""

import pytest
from httpx2 import AsyncClient
from sqlalchemy import text

from src.infrastructure.database.unit_of_work import Database
from tests.integration.infrastructure.database.test_queries import counted
from tests.many_articles import fill_with_waiting

from .conftest import Api

ROWS = 40
MOST = 5  # with two that find out who asks


@pytest.fixture(scope="module")
async def full(own_database: Database, api: Api, admin: str) -> Database:
    """Forty articles that wait, with all their rows."""
    await fill_with_waiting(own_database, ROWS, calls=True)
    async with api.client(admin) as asking:
        await asking.get("/api/v1/sites")  # from now on the use of the token is noted
    return own_database


@pytest.mark.parametrize(
    "path", ["/reviews", "/articles", "/sites/hardware-shop/keywords", "/batches", "/publications", "/audit", "/alerts"]
)
async def test_a_page_needs_as_many_statements_for_many_rows_as_for_one(
    full: Database, asking: AsyncClient, path: str
) -> None:
    shown: list[int] = []
    needed: list[int] = []
    for limit in (1, ROWS):
        with counted(full) as statements:
            answer = await asking.get(f"/api/v1{path}", params={"limit": limit})
        assert answer.status_code == 200, answer.text
        shown.append(len(answer.json()["items"]))
        needed.append(len(statements))
    assert shown[0] <= 1
    if path in ("/reviews", "/articles", "/sites/hardware-shop/keywords"):
        assert shown[1] == ROWS
    assert needed[0] == needed[1] <= MOST


_MORE = (
    """INSERT INTO comments (id, article_id, revision, by, text)
       SELECT gen_random_uuid(), :article, 1, 'ida', 'x' FROM generate_series(1, 50)""",
    """INSERT INTO model_calls (id, article_id, site, keyword, revision, stage, prompt, prompt_hash, round, attempt,
                                provider, model, worker, status)
       SELECT gen_random_uuid(), id, site, keyword, 1, 'A', 'p', 'h', 0, n, 'openai', 'm', 'w', 'failed'
       FROM articles, generate_series(2, 51) AS n WHERE id = :article""",
)


async def test_an_article_needs_as_many_statements_for_many_calls_and_comments_as_for_few(
    full: Database, asking: AsyncClient
) -> None:
    async with full.engine.connect() as connection:
        article = await connection.scalar(text("SELECT id FROM articles WHERE content_hash = 'h' LIMIT 1"))

    async def needed(noun: str) -> int:
        with counted(full) as statements:
            answer = await asking.get(f"/api/v1/{noun}/{article}")
        assert answer.status_code == 200, answer.text
        return len(statements)

    few = [await needed("articles"), await needed("reviews")]
    async with full.engine.begin() as connection:
        for statement in _MORE:
            await connection.execute(text(statement), {"article": article})
    assert [await needed("articles"), await needed("reviews")] == few
    assert few[0] <= 6
    assert few[1] <= 13
