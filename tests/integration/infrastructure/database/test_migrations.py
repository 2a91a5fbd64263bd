"""The schema goes up, down and up again, and the models say nothing that the migrations do not."""

import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from src.domain.alert import AlertKind, Finding
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.errors import SchemaOutdated
from src.domain.hold import HoldDepth
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.domain.usage import CallStatus
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database


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


async def test_alerts_of_the_version_before_are_kept_and_open(empty: AsyncEngine) -> None:
    await schema.upgrade(empty)
    await schema.downgrade(empty, "0005")
    async with empty.begin() as connection:
        await connection.execute(text("INSERT INTO sites (slug, description) VALUES ('shop', '{}')"))
        old = "INSERT INTO alerts (site, slot, reason, message) VALUES ('shop', '2026-11-20 06:00+01', :reason, 'why')"
        await connection.execute(text(old), {"reason": "not_started"})
    await schema.upgrade(empty)
    finding = Finding(
        kind=AlertKind.SLOT_MISSING, subject="shop 2026-11-20T05:00:00Z", site="shop", detail="now", reason="failed"
    )
    database = Database(empty)
    settled = await database.run_in_transaction(lambda uow: uow.alerts.settle(AlertKind.SLOT_MISSING, [finding]))
    async with database.unit_of_work() as uow:
        (alert,) = await uow.alerts.list_of_slots("shop")
    assert (settled.raised, alert.reason, alert.message, alert.until) == ([], "not_started", "why", None)


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
