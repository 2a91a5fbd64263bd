"""The queue of reviews: each text that waits is in it, and a page reads no more rows than it shows."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from src.application.review_steps import ReviewSteps
from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId
from src.domain.paging import Excerpt, MomentPosition, Order
from src.domain.principal import Principal
from src.domain.review import ChangeReason, Verdict
from src.domain.stages import Stage
from src.infrastructure.database.unit_of_work import Database
from tests.conftest import cloned
from tests.eventually import eventually
from tests.finished_articles import SITE, finished_articles, save
from tests.many_articles import fill_with_waiting

from .test_reviews import decide

ARTICLES = 3_000
LIMIT = 20
OTHER = "other-shop"
WAITING = (ArticleStatus.NEEDS_REVIEW,)
EVERY: dict[str, Any] = {"sites": None, "statuses": WAITING, "assignee": None, "claimed": None, "snoozed": False}


async def review(database: Database, article_id: ArticleId) -> Any:
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT site, status, waiting_since FROM reviews WHERE article_id = :id"), {"id": article_id}
        )
        return rows.one_or_none()


async def test_a_review_is_made_with_what_waits_and_has_its_articles_status(database: Database) -> None:
    (ref,) = await finished_articles(database)
    assert await review(database, ref.article_id) is None
    await save(database, ref)
    made = await review(database, ref.article_id)
    assert (made.site, made.status) == (SITE, "needs_review")
    await decide(database, ref, Verdict.request_changes(ChangeReason.TONE, note="friendlier"))
    assert (await review(database, ref.article_id)).status == "changes_requested"
    steps = ReviewSteps(database, by=Principal.worker("blue@here", address="here"), longest_history=500)
    again = (await steps.look(ref.article_id)).redo
    assert again is not None
    assert (await review(database, ref.article_id)).status == "queued"
    async with database.unit_of_work() as uow:
        await uow.stage_outputs.copy_to_revision(
            again.article_id, revision=ref.revision, to=again.revision, stages=(Stage.ARTICLE, Stage.SEO_METADATA)
        )
    await save(database, again)
    waits = await review(database, ref.article_id)
    assert waits.status == "needs_review"
    assert waits.waiting_since > made.waiting_since


async def test_a_version_that_makes_no_review_leaves_one(database: Database) -> None:
    """As the version before does during a deployment, which knows nothing of site and status either."""
    waits, under_way = await finished_articles(database, 2)
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE articles SET status = 'needs_review' WHERE id = :id"), {"id": waits.article_id}
        )
        await connection.execute(
            text("INSERT INTO reviews (article_id) VALUES (:id) ON CONFLICT DO NOTHING"), {"id": under_way.article_id}
        )
    assert (await review(database, waits.article_id))[:2] == (SITE, "needs_review")
    assert (await review(database, under_way.article_id))[:2] == (SITE, "queued")


async def test_a_review_that_is_made_while_its_article_changes_has_the_new_status(database: Database) -> None:
    (ref,) = await finished_articles(database)
    which = {"id": ref.article_id}

    async def insert() -> None:
        async with database.engine.begin() as connection:
            await connection.execute(text("INSERT INTO reviews (article_id) VALUES (:id)"), which)

    async def waits() -> bool:
        blocked = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with database.engine.connect() as connection:
            return bool(await connection.scalar(text(blocked)))

    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE articles SET status = 'failed' WHERE id = :id"), which)
        inserting = asyncio.create_task(insert())
        await eventually(waits)
    await inserting
    assert (await review(database, ref.article_id)).status == "failed"


# --- pages of many

_MIXED = (
    f"INSERT INTO sites (slug, description) SELECT '{OTHER}', description FROM sites",  # noqa: S608
    """CREATE TEMPORARY TABLE their AS
       SELECT articles.id, number FROM articles JOIN longtails ON longtails.id = longtail_id""",
    f"UPDATE articles SET site = '{OTHER}' FROM their WHERE their.id = articles.id AND number % 7 = 0",  # noqa: S608
    f"UPDATE reviews SET site = '{OTHER}' FROM their WHERE id = article_id AND number % 7 = 0",  # noqa: S608
    "UPDATE articles SET status = 'parked' FROM their WHERE their.id = articles.id AND number % 5 = 0",
    """UPDATE reviews SET assignee = 'ida', claimed_by = 'ida', claimed_until = now() + interval '1 day'
       FROM their WHERE id = article_id AND number % 97 = 0""",
    "DROP TABLE their",
)


@pytest.fixture(scope="module")
async def full(database_url: str) -> AsyncIterator[Database]:
    """Thousands that wait, some at another site, some decided, given to somebody, looked at."""
    async with cloned(database_url) as database:
        await fill_with_waiting(database, ARTICLES)
        async with database.engine.begin() as connection:
            for statement in _MIXED:
                await connection.execute(text(statement))
            await connection.execute(text("ANALYZE"))
        yield database


async def pages(database: Database, order: Order, **filters: Any) -> list[MomentPosition]:
    """Return every row of the list, page by page."""
    found: list[MomentPosition] = []
    after = None
    while True:
        async with database.unit_of_work() as uow:
            page = await uow.reviews.list_queue(
                **(EVERY | filters), excerpt=Excerpt(after=after, limit=200, order=order)
            )
        found += [MomentPosition(at=each.waiting_since, id=each.article_id) for each in page.items]
        if (after := page.last) is None:
            return found


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({}, "status = 'needs_review'"),
        ({"statuses": (*WAITING, ArticleStatus.PARKED, *WAITING)}, "status IN ('needs_review', 'parked')"),
        ({"sites": [OTHER, SITE], "statuses": (*WAITING, ArticleStatus.PARKED)}, "true"),
        ({"sites": [OTHER]}, f"status = 'needs_review' AND site = '{OTHER}'"),
        ({"sites": []}, "false"),
        ({"assignee": "ida"}, "status = 'needs_review' AND assignee = 'ida'"),
        ({"claimed": False}, "status = 'needs_review' AND claimed_until IS NULL"),
    ],
    ids=["waiting", "statuses", "sites and statuses", "site", "no site", "assignee", "unclaimed"],
)
async def test_pages_hold_each_row_once_and_in_order(
    full: Database, order: Order, filters: dict[str, Any], condition: str
) -> None:
    direction = "DESC" if order is Order.NEWEST else "ASC"
    async with full.engine.connect() as connection:
        rows = await connection.execute(
            text(
                f"SELECT waiting_since, article_id FROM reviews WHERE {condition}"  # noqa: S608
                f" ORDER BY waiting_since {direction}, article_id {direction}"
            )
        )
        expected = [MomentPosition(at=at, id=article_id) for at, article_id in rows]
    assert await pages(full, order, **filters) == expected


@pytest.mark.parametrize("after", [False, True], ids=["first page", "later page"])
@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"sites": [SITE, OTHER]},
        {"statuses": (*WAITING, ArticleStatus.PARKED)},
        {"assignee": "ida"},
        {"assignee": "nobody", "sites": [SITE]},
        {"claimed": True},
        {"claimed": False},
    ],
    ids=lambda filters: ", ".join(filters) or "all",
)
async def test_a_page_reads_no_more_rows_than_its_lists_have_to_give(
    full: Database, filters: dict[str, Any], after: bool
) -> None:
    asked = EVERY | filters
    lists = len(asked["statuses"]) * len(asked["sites"] or [SITE])
    async with full.unit_of_work() as uow:
        before = await uow.reviews.list_queue(**EVERY, excerpt=Excerpt(limit=ARTICLES // 4, order=Order.OLDEST))
    excerpt = Excerpt(after=before.last if after else None, limit=LIMIT, order=Order.OLDEST)
    plan = await plan_of(full, excerpt, asked)
    few = ARTICLES // 97 + 1  # what somebody has or looks at: all of that may be read and sorted
    for node in (node for node in nodes(plan) if node.get("Relation Name") == "reviews"):
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        assert read <= max(lists * (LIMIT + 1), few), node


async def plan_of(database: Database, excerpt: Excerpt[MomentPosition], asked: dict[str, Any]) -> dict[str, Any]:
    """Return what PostgreSQL did for the page's one statement."""
    statements: list[tuple[str, Any]] = []

    def keep(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", keep)
    async with database.unit_of_work() as uow:
        await uow.reviews.list_queue(**asked, excerpt=excerpt)
    event.remove(database.engine.sync_engine, "before_cursor_execute", keep)
    ((statement, parameters),) = statements
    async with database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        explained = await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    plan: dict[str, Any] = explained[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every step of a plan."""
    yield plan
    for each in plan.get("Plans", []):
        yield from nodes(each)
