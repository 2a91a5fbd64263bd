"""The schema goes up, down and up again, and the models say nothing that the migrations do not."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from src.domain.alert import AlertKind, Finding
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.errors import SchemaOutdated
from src.domain.finding import Severity
from src.domain.hold import HoldDepth
from src.domain.longtail import LongtailStatus
from src.domain.permissions import Role
from src.domain.revision import MadeBy
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


SITES = "INSERT INTO sites (slug, description) VALUES ('shop', '{}'), ('other', '{}')"
BATCHES = """
INSERT INTO batches (id, site, slot, trigger, colour, workflow_id, run_id)
SELECT gen_random_uuid(), slug, now(), 'manual', 'blue', 'w', 'r' FROM sites
"""
LONGTAIL = "INSERT INTO longtails (id, site, phrase, key, source) VALUES (:id, :site, :phrase, :phrase, 'test')"
ARTICLE = """
INSERT INTO articles (id, batch_id, longtail_id, site, keyword, brief, status)
SELECT :id, batches.id, :id, :site, :phrase, '{}', 'needs_review' FROM batches WHERE site = :site
"""
OUTPUT = """
INSERT INTO stage_outputs (article_id, revision, stage, artefact, prompt, prompt_hash, provider, model,
                           idempotency_key, created_at)
VALUES (:id, :revision, 'D', jsonb_build_object('slug', cast(:slug AS text)), 'p', 'h', 'offline', 'offline', 'k',
        timestamptz '2026-11-20' + :hour * interval '1 hour')
"""


async def test_longtails_get_the_first_slug_of_their_articles_and_doubles_a_suffix(empty: AsyncEngine) -> None:
    outputs = [  # site, keyword, hour, slug
        ("shop", "third", 3, "tap"),
        ("shop", "first", 1, "tap"),
        ("shop", "natural", 2, "tap-2"),
        ("other", "elsewhere", 5, "tap"),
        ("shop", "long", 4, "x" * 75),
        ("shop", "long too", 6, "x" * 75),
    ]
    await schema.upgrade(empty, "0007")
    async with empty.begin() as connection:
        await connection.execute(text(SITES))
        await connection.execute(text(BATCHES))
        await connection.execute(text(LONGTAIL), {"id": uuid4(), "site": "shop", "phrase": "unwritten"})
        for site, phrase, hour, slug in outputs:
            id_ = uuid4()
            await connection.execute(text(LONGTAIL), {"id": id_, "site": site, "phrase": phrase})
            await connection.execute(text(ARTICLE), {"id": id_, "site": site, "phrase": phrase})
            await connection.execute(text(OUTPUT), {"id": id_, "revision": 1, "slug": slug, "hour": hour})
            await connection.execute(text(OUTPUT), {"id": id_, "revision": 2, "slug": "later", "hour": 20})
    await schema.upgrade(empty)
    async with empty.connect() as connection:
        slugs: dict[str, str | None] = dict(
            (await connection.execute(text("SELECT phrase, slug FROM longtails"))).all()
        )
    assert slugs == {
        "unwritten": None,
        "first": "tap",
        "natural": "tap-2",
        "third": "tap-3",
        "elsewhere": "tap",
        "long": "x" * 75,
        "long too": "x" * 73 + "-2",
    }


async def test_decisions_are_taken_back_on_the_way_down(empty: AsyncEngine) -> None:
    await schema.upgrade(empty)
    id_ = uuid4()
    async with empty.begin() as connection:
        await connection.execute(text(SITES))
        await connection.execute(text(BATCHES))
        await connection.execute(text(LONGTAIL), {"id": id_, "site": "shop", "phrase": "tap"})
        await connection.execute(text(ARTICLE), {"id": id_, "site": "shop", "phrase": "tap"})
        await connection.execute(text("UPDATE articles SET status = 'approved'"))
    await schema.downgrade(empty, "0007")
    async with empty.connect() as connection:
        assert await connection.scalar(text("SELECT status FROM articles")) == "needs_review"


async def test_events_of_the_version_before_get_numbers_in_their_order(empty: AsyncEngine) -> None:
    await schema.upgrade(empty)
    await schema.downgrade(empty, "0007")
    old = (
        "INSERT INTO audit_events (id, at, who, action, noun, subject) "
        "VALUES (gen_random_uuid(), :at, 'anna', 'set', 'hold', :subject)"
    )
    async with empty.begin() as connection:
        for subject, day in (("shop", 3), ("*", 1), ("garden", 2)):
            await connection.execute(text(old), {"subject": subject, "at": datetime(2026, 11, day, tzinfo=UTC)})
    await schema.upgrade(empty)
    async with empty.connect() as connection:
        numbered = await connection.execute(text("SELECT number, subject, site FROM audit_events ORDER BY number"))
        assert [tuple(row) for row in numbered] == [(1, "*", None), (2, "garden", "garden"), (3, "shop", "shop")]


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
        ("ck_article_revisions_made_by", MadeBy),
        ("ck_findings_severity", Severity),
        ("ck_user_roles_role", Role),
        ("ck_api_tokens_scopes", Role),
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
