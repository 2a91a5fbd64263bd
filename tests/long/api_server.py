"""Serves the API and bare SELECTs over the same stack: python -m tests.long.api_server DATABASE_URL.

It prints its port, and stops when standard input ends.
"""

import asyncio
import sys
from typing import Any
from unittest import mock
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import Select, select

from src.api import serving
from src.api.app import create_app
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.infrastructure.database.engine import create_engine, without_pooler
from src.infrastructure.database.tables import ArticleRevisionRow, ArticleRow, ReviewRow
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.telemetry import logging
from src.settings import Settings
from tests.integration.api.away import WithoutTemporal

_ARTICLE = (
    *("id", "batch_id", "site", "keyword", "status", "revision"),
    *("words", "offline", "content_hash", "created_at", "finished_at"),
)
_REVIEW = ("waiting_since", "assignee", "claimed_by", "claimed_until", "snoozed_until", "reminded_at")
_ROWS = select(*(getattr(ArticleRow, name) for name in _ARTICLE))
_LIST = _ROWS.order_by(ArticleRow.created_at.desc(), ArticleRow.id.desc()).limit(50)
_TEXT = (ArticleRevisionRow.number, ArticleRevisionRow.content_hash, ArticleRevisionRow.made_by)
_QUEUE = (
    select(
        *(ArticleRow.id, ArticleRow.site, ArticleRow.keyword, ArticleRow.status),
        *(getattr(ReviewRow, name) for name in _REVIEW),
        *_TEXT,
    )
    .join(ReviewRow, ReviewRow.article_id == ArticleRow.id)
    .join(ArticleRevisionRow, ArticleRevisionRow.article_id == ArticleRow.id)
    .where(ReviewRow.status == ArticleStatus.NEEDS_REVIEW, ArticleRevisionRow.number == 1)
    .order_by(ReviewRow.waiting_since, ReviewRow.article_id)
    .limit(50)
)
_TEXTS = select(*_TEXT, ArticleRevisionRow.content)


def with_bare_routes(application: Application, **options: Any) -> FastAPI:
    """Return the app with the same rows, read by nothing but a SELECT."""
    app = create_app(application, **options)
    engine = application.database.engine

    async def rows(statement: Select[Any]) -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]

    async def bare_queue() -> list[dict[str, Any]]:
        return await rows(_QUEUE)

    async def bare_list() -> list[dict[str, Any]]:
        return await rows(_LIST)

    async def bare_article(article: UUID) -> list[dict[str, Any]]:
        return await rows(_ROWS.where(ArticleRow.id == article))

    async def bare_text(article: UUID) -> list[dict[str, Any]]:
        return await rows(_TEXTS.where(ArticleRevisionRow.article_id == article))

    app.add_api_route("/bare/reviews", bare_queue)
    app.add_api_route("/bare/reviews/{article}", bare_text)
    app.add_api_route("/bare/articles", bare_list)
    app.add_api_route("/bare/articles/{article}", bare_article)
    return app


async def main(url: str) -> None:
    logging.configure(level="WARNING", as_json=True)
    database = Database(create_engine(without_pooler(url), pool_size=16))
    listening = serving.listen("127.0.0.1", 0)
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    with mock.patch.object(serving, "create_app", with_bare_routes):
        await serving.serve(WithoutTemporal.on(database, Settings.model_construct()), listening, lifeline=0)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
