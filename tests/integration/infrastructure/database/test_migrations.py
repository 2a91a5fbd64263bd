"""The schema goes up, down and up again, and the models say nothing that the migrations do not."""

import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from src.domain.alert import AlertKind
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.errors import SchemaOutdated
from src.domain.hold import HoldDepth
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine


@pytest.fixture
async def empty(database_url: str) -> AsyncIterator[AsyncEngine]:
    name = f"migrations_{secrets.token_hex(4)}"
    admin = create_engine(database_url, pool_size=1).execution_options(isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(database_url).set(database=name).render_as_string(hide_password=False)
    engine = create_engine(url, pool_size=2)
    yield engine
    await engine.dispose()
    async with admin.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))
    await admin.dispose()


async def test_an_empty_database_is_refused(empty: AsyncEngine) -> None:
    with pytest.raises(SchemaOutdated, match="this version needs"):
        await schema.require_current(empty)


async def test_migrations_go_up_down_and_up_again(empty: AsyncEngine) -> None:
    await schema.upgrade(empty)
    await schema.check(empty)
    await schema.downgrade(empty, "base")
    async with empty.connect() as connection:
        left = (await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars()
        assert set(left) == {"alembic_version"}
    await schema.upgrade(empty)
    await schema.check(empty)


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_longtails_status", LongtailStatus),
        ("ck_batches_status", BatchStatus),
        ("ck_batches_trigger", Trigger),
        ("ck_articles_status", ArticleStatus),
        ("ck_articles_failed_stage", Stage),
        ("ck_stage_outputs_stage", Stage),
        ("ck_model_calls_stage", Stage),
        ("ck_model_calls_status", CallStatus),
        ("ck_holds_depth", HoldDepth),
        ("ck_watchdog_alerts_kind", AlertKind),
    ],
)
async def test_a_check_allows_what_the_code_may_write(
    empty: AsyncEngine, constraint: str, values: type[ArticleStatus]
) -> None:
    """Alembic does not see a changed CHECK, so this does."""
    await schema.upgrade(empty)
    async with empty.connect() as connection:
        definition = await connection.scalar(
            text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"), {"name": constraint}
        )
    allowed = set(str(definition).split("'")[1::2])
    assert allowed == {str(value) for value in values}
