"""Every home of an earlier version is migrated: nothing paid for is lost, and no rule is broken afterwards."""

import lzma
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from src.infrastructure.database import schema
from src.infrastructure.database.unit_of_work import Database

from .homes import HOMES, HOMES_WITH_TEMPORAL, name_of, restored

KEPT = {
    "answers": "SELECT id, article_id, stage, answer, cost_usd, input_tokens, output_tokens FROM model_calls"
    " WHERE status IN ('answered', 'discarded')",
    "outputs": "SELECT article_id, revision, stage, artefact::text FROM stage_outputs",
    "pages": "SELECT id, html, content_hash FROM articles WHERE status = 'needs_review'",
    "ended batches": "SELECT id, status FROM batches WHERE status <> 'running'",
    "holds": "SELECT * FROM holds",
    "schedules": "SELECT site, wanted::text FROM site_schedules",
    "pauses": "SELECT * FROM schedule_pauses",
    "backfills": "SELECT backfill_id, slot, site, articles FROM backfill_slots",
    "audit": "SELECT id, action FROM audit_events",
}
BROKEN = {
    "a keyword with two articles under way": "SELECT longtail_id FROM articles WHERE status IN ('queued', 'generating')"
    " GROUP BY longtail_id HAVING count(*) > 1",
    "an article under way of a keyword that is not claimed": "SELECT articles.id FROM articles JOIN longtails ON"
    " longtails.id = longtail_id WHERE articles.status IN ('queued', 'generating') AND longtails.status <> 'claimed'",
    "a claimed keyword without an article": "SELECT id FROM longtails WHERE status = 'claimed' AND NOT EXISTS (SELECT"
    " FROM articles WHERE longtail_id = longtails.id AND articles.status IN ('queued', 'generating'))",
    "an article that its batch does not list": "SELECT id FROM articles WHERE NOT EXISTS (SELECT FROM batch_articles"
    " AS member WHERE (member.batch_id, member.article_id) = (articles.batch_id, articles.id))",
    "an article that ended otherwise than its batch says": "SELECT id FROM articles JOIN batch_articles AS member"
    " ON (member.batch_id, member.article_id) = (articles.batch_id, articles.id) WHERE outcome IS DISTINCT FROM"
    " CASE WHEN status IN ('failed', 'cancelled') THEN status WHEN status NOT IN ('queued', 'generating')"
    " THEN 'needs_review' END",
    "a text that awaits a review and has none": "SELECT id FROM articles WHERE status = 'needs_review' AND NOT EXISTS"
    " (SELECT FROM reviews WHERE article_id = id)",
    "a review of another site or status than its article": "SELECT id FROM articles JOIN reviews ON article_id = id"
    " WHERE (reviews.site, reviews.status) IS DISTINCT FROM (articles.site, articles.status)",
}


@pytest.fixture(params=HOMES, ids=name_of)
async def home(request: pytest.FixtureRequest, migrated: Database, database_url: str) -> AsyncIterator[Database]:
    async with restored(request.param, migrated, database_url) as database:
        yield database


async def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        return sorted((tuple(row) for row in await connection.execute(text(statement))), key=repr)


async def test_an_upgrade_keeps_everything_and_breaks_no_rule(home: Database) -> None:
    before = {what: await rows(home, statement) for what, statement in KEPT.items()}
    await schema.upgrade(home.engine)
    await schema.check(home.engine)
    for what, statement in KEPT.items():
        assert await rows(home, statement) == before[what], what
    for what, statement in BROKEN.items():
        assert await rows(home, statement) == [], what


def test_the_homes_are_small() -> None:
    for folder in HOMES_WITH_TEMPORAL:
        assert sum(file.stat().st_size for file in folder.iterdir()) < 1_000_000, folder


def test_a_home_has_every_state() -> None:
    """The dump is text, with one INSERT a row."""
    states = {"queued", "generating", "needs_review", "failed", "cancelled", "running", "completed", "partly_failed"}
    states |= {"ready", "claimed", "written", "open", "answered"}
    assert _states(HOMES_WITH_TEMPORAL[0]) >= states


def _states(folder: Path) -> set[str]:
    dump = lzma.decompress((folder / "database.sql.xz").read_bytes()).decode()
    return {part for line in dump.splitlines() if line.startswith("INSERT") for part in line.split("'")[1::2]}
