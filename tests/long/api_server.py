"""Serves the API and two bare SELECTs over the same stack: python -m tests.long.api_server DATABASE_URL.

It prints its port, and stops when standard input ends.
"""

import asyncio
import sys
from typing import Any
from unittest import mock
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import select

from src.api import serving
from src.api.app import create_app
from src.bootstrap import Application
from src.infrastructure.database.engine import create_engine, without_pooler
from src.infrastructure.database.tables import ArticleRow
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.telemetry import logging
from src.settings import Settings
from tests.integration.api.away import WithoutTemporal

_COLUMNS = (
    *("id", "batch_id", "site", "keyword", "status", "revision"),
    *("words", "offline", "content_hash", "created_at", "finished_at"),
)
_ROWS = select(*(getattr(ArticleRow, name) for name in _COLUMNS))
_LIST = _ROWS.order_by(ArticleRow.created_at.desc(), ArticleRow.id.desc()).limit(50)


def with_bare_routes(application: Application, **options: Any) -> FastAPI:
    """Return the app with the same rows, read by nothing but a SELECT."""
    app = create_app(application, **options)
    engine = application.database.engine

    async def bare_list() -> list[dict[str, Any]]:
        async with engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(_LIST)).mappings()]

    async def bare_article(article: UUID) -> dict[str, Any]:
        async with engine.connect() as connection:
            return dict((await connection.execute(_ROWS.where(ArticleRow.id == article))).mappings().one())

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
