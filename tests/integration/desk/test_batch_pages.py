"""Batches: their list, one of ten thousand articles, what struggles, and what is tried again."""

import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from src.domain.article import Failure
from src.domain.ids import BatchId
from src.domain.person import Grant, Role
from src.domain.stage_failure import FailureKind
from src.domain.stages import Stage
from tests.factories import a_site, longtails, open_batch
from tests.integration.infrastructure.database.test_queries import counted

from .conftest import Browser, TheDesk, words

UGLY = "<script>x()</script> السعر " + "long " * 40
MANY = 10_000
LARGEST = 90_000  # bytes of a page of fifty articles, uncompressed


@pytest.fixture
async def anna(desk: TheDesk) -> AsyncIterator[Browser]:
    yield await desk.logged_in("anna")
    async with desk.database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM sites"))


async def _batch(desk: TheDesk, count: int = 3) -> BatchId:
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site())
        await uow.longtails.add("hardware-shop", longtails(count), source="test")
    return (await open_batch(desk.database, limit=count))[0]


async def test_without_a_batch_it_teaches_the_next_step(anna: Browser) -> None:
    assert "No batch has run yet" in words(await anna.get("/desk/batches"))
    assert "No batch matches" in words(await anna.get("/desk/batches", site="", status="failed", trigger=""))


async def test_each_article_says_what_it_does(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk)
    async with desk.database.unit_of_work() as uow:
        first, second, _ = await uow.articles.list_unfinished(batch, first=0, end=3)
        await uow.articles.fail(
            first.article_id, Failure(stage=Stage.OUTLINE, error_type="X", message=UGLY, attempts=3)
        )
        await uow.stage_failures.record(
            second, Stage.KEYWORD_ANALYSIS, FailureKind.OUTAGE, error_type="ModelRateLimited", message="rate limit"
        )
    page = await anna.get(f"/desk/batches/{batch}")
    told = words(page)
    assert "All 3" in told
    assert "Struggling 1" in told
    assert "Failed 1" in told
    assert "A: tries again" in told
    assert "Waits for its turn" in told
    assert "<script>x()" not in page.text
    struggling = words(await anna.get(f"/desk/batches/{batch}", show="struggling"))
    assert second.keyword in struggling
    assert first.keyword not in struggling


async def test_ten_thousand_articles_are_shown_fifty_at_a_time(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk, 1)
    async with desk.database.engine.begin() as connection:
        await connection.execute(
            text("""WITH more AS (INSERT INTO longtails (id, site, phrase, key, source, status)
                      SELECT gen_random_uuid(), 'hardware-shop', 'keyword ' || n, 'keyword ' || n, 'load', 'claimed'
                      FROM generate_series(2, :many) AS n RETURNING id, phrase),
                    made AS (INSERT INTO articles (id, batch_id, longtail_id, site, keyword, brief)
                      SELECT gen_random_uuid(), :batch, id, 'hardware-shop', phrase, '{}' FROM more RETURNING id)
                    INSERT INTO batch_articles (batch_id, article_id, position)
                      SELECT :batch, id, row_number() OVER () FROM made"""),
            {"many": MANY, "batch": batch},
        )
    with counted(desk.database) as statements:
        page = await anna.get(f"/desk/batches/{batch}")
    assert len(statements) <= 16
    assert "All 10,000" in words(page)
    assert page.text.count("data-row") == 50
    assert len(page.text) < LARGEST
    following = re.search(r'href="([^"]+)" rel="next"', page.text)
    assert following
    second = await anna.get(following[1].replace("&amp;", "&"))
    assert '<td class="soft wid">51</td>' in second.text


async def test_retrying_all_needs_their_number(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk)
    async with desk.database.unit_of_work() as uow:
        first, *_ = await uow.articles.list_unfinished(batch, first=0, end=3)
        await uow.articles.fail(first.article_id, Failure(stage=None, error_type="X", message="m", attempts=1))
    assert "Retry all failed" in words(await anna.get(f"/desk/batches/{batch}", show="failed"))
    refused = await anna.send(f"/desk/batches/{batch}/retry", count="3")
    assert refused.status_code == 422
    assert "1 articles have failed by now" in words(refused)


async def test_cancelling_is_confirmed_and_refused_without_temporal(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk)
    assert "3 articles will not be finished" in words(await anna.get(f"/desk/batches/{batch}/cancel"))
    assert (await anna.send(f"/desk/batches/{batch}/cancel")).status_code == 503


async def test_a_viewer_sees_no_buttons_and_is_refused(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk)
    await desk.person("walt", [Grant(role=Role.VIEWER, site=None)])
    walt = await desk.logged_in("walt")
    told = words(await walt.get(f"/desk/batches/{batch}"))
    assert "Cancel batch" not in told
    for path, fields in (("cancel", {}), ("retry", {"count": "1"})):
        assert (await walt.send(f"/desk/batches/{batch}/{path}", **fields)).status_code == 403


async def test_a_stream_begins_with_a_session_alone(desk: TheDesk, anna: Browser) -> None:
    batch = await _batch(desk)
    async with desk.database.unit_of_work() as uow:
        await uow.batches.close(batch, cancelled=True, error=None)
    answer = await anna.get(f"/desk/batches/{batch}/events")
    assert answer.status_code == 200
    assert "event: end" in answer.text
    assert (await desk.browser().get(f"/desk/batches/{batch}/events")).status_code == 303
