"""The queue's filters: each says what a look at every row says, in every order, from page to page."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from src.application.queue import count_queue, list_queue, neighbours
from src.domain.errors import NotFound, NotPermitted
from src.domain.person import Grant, Person, Role
from src.domain.principal import Origin, Principal
from src.domain.queue import ME, NOBODY, Found, QueueFilter, QueueSort, Tab
from src.infrastructure.database.review_queue import QueueRow
from src.infrastructure.database.unit_of_work import Database
from tests.conftest import cloned
from tests.finished_articles import SITE
from tests.many_articles import fill_with_waiting

ARTICLES = 120
OTHER = "other-shop"
IDA = Principal(name="ida", origin=Origin.API)
_MIX = (
    f"INSERT INTO sites (slug, description) SELECT '{OTHER}',"  # noqa: S608
    ' description || \'{"language": "de", "slug": "other-shop", "base_url": "https://other.example/"}\' FROM sites',
    """CREATE TEMPORARY TABLE their AS SELECT articles.id, number FROM articles
       JOIN longtails ON longtails.id = longtail_id WHERE longtails.source = 'load'""",
    f"UPDATE articles SET site = '{OTHER}' FROM their WHERE their.id = articles.id AND number % 7 = 0",  # noqa: S608
    f"UPDATE reviews SET site = '{OTHER}' FROM their WHERE id = article_id AND number % 7 = 0",  # noqa: S608
    """UPDATE articles SET keyword = '100%_<b>' || number FROM their
       WHERE their.id = articles.id AND number % 10 = 3""",
    """UPDATE article_revisions SET content = content || '{"title": "Über Größe"}' FROM their
       WHERE article_id = id AND their.number % 11 = 0""",
    "UPDATE articles SET status = 'approved' FROM their WHERE their.id = articles.id AND number % 5 = 0",
    "UPDATE articles SET status = 'parked' FROM their WHERE their.id = articles.id AND number % 13 = 0",
    """INSERT INTO publications (id, article_id, site, target, status, revision, content_hash, path, canonical,
           reviewer, approved_at, requested_by, due_at, published_at, modified_at, page, page_hash)
       SELECT gen_random_uuid(), their.id, articles.site, 'folder', CASE WHEN their.number % 2 = 0 THEN 'scheduled'
           ELSE 'verified' END, 1, 'h', 'p' || their.number, 'c', 'ida', now(), 'ida', now(), now(), now(), '', 'h'
       FROM their JOIN articles ON articles.id = their.id
       WHERE their.number % 5 = 0 AND their.number % 3 <> 0 AND articles.status = 'approved'""",
    """INSERT INTO findings (article_id, revision, number, rule, rule_version, severity, message, waived_by,
           waived_reason, waived_at)
       SELECT their.id, 1, n, 'x.y', 1, CASE n % 3 WHEN 0 THEN 'blocking' WHEN 1 THEN 'warning' ELSE 'note' END,
           'm', w, w, CASE WHEN w IS NOT NULL THEN now() END
       FROM their, generate_series(0, 6) AS n,
            LATERAL (SELECT CASE WHEN their.number % 8 = 0 THEN 'x' END AS w) AS waived
       WHERE n < their.number % 4 * 2""",
    """UPDATE reviews SET assignee = 'ida', claimed_by = 'kenji', claimed_until = now() + interval '1 day'
       FROM their WHERE id = article_id AND number % 9 = 0""",
    "UPDATE reviews SET snoozed_until = now() + interval '1 day' FROM their WHERE id = article_id AND number % 17 = 0",
    "UPDATE reviews SET waiting_since = now() - number / 2 * interval '1 hour' FROM their WHERE id = article_id",
    "DROP TABLE their",
)


@pytest.fixture(scope="module")
async def full(database_url: str) -> AsyncIterator[Database]:
    """Texts of two sites in all states, with findings, some live, claimed, put off, waiting equally long."""
    async with cloned(database_url) as database:
        await fill_with_waiting(database, ARTICLES)
        async with database.engine.begin() as connection:
            for statement in _MIX:
                await connection.execute(text(re.sub(r":(?=[^ ])", r"\\:", statement)))
        yield database


async def rows_of(database: Database, where: QueueFilter, *, by: Principal = IDA, limit: int = 7) -> list[QueueRow]:
    found: list[QueueRow] = []
    after = None
    while True:
        page = (await list_queue(database, where, by=by, after=after, limit=limit)).page
        found += page.items
        if (after := page.last) is None:
            return found


def waited(row: QueueRow) -> timedelta:
    return datetime.now(UTC) - row.waiting_since


FILTERS: dict[str, tuple[dict[str, Any], Any]] = {
    "nothing": ({}, lambda row: True),
    "site": ({"site": OTHER}, lambda row: row.site == OTHER),
    "language": ({"language": "de"}, lambda row: row.site == OTHER),
    "no such language": ({"language": "xx"}, lambda row: False),
    "keyword": ({"words": "100%_<B>"}, lambda row: "100%_<b>" in row.keyword),
    "title": ({"words": "über größe"}, lambda row: row.title == "Über Größe"),
    "percent is no wildcard": ({"words": "%"}, lambda row: "%" in row.keyword),
    "over": ({"waits_from": timedelta(hours=30)}, lambda row: waited(row) >= timedelta(hours=30)),
    "under": ({"waits_to": timedelta(minutes=90)}, lambda row: waited(row) <= timedelta(minutes=90)),
    "clean": ({"findings": Found.NONE}, lambda row: row.findings.score == 100),
    "found": ({"findings": Found.SOME}, lambda row: row.findings.score < 100),
    "blocking": ({"findings": Found.BLOCKING}, lambda row: row.findings.blocking > 0),
    "score": ({"score_from": 70}, lambda row: row.findings.score >= 70),
    "mine": ({"who": ME}, lambda row: row.assignee == "ida"),
    "somebody's": ({"who": "kenji"}, lambda row: False),
    "nobody's": ({"who": NOBODY}, lambda row: row.assignee is None),
    "claimed": ({"claimed": True}, lambda row: row.claimed_by == "kenji"),
    "unclaimed": ({"claimed": False}, lambda row: row.claimed_by is None),
    "two": ({"site": SITE, "score_from": 99}, lambda row: row.site == SITE and row.findings.score >= 99),
    "colour": ({"colour": "green"}, lambda row: False),
}
KEYS: dict[QueueSort, Any] = {
    QueueSort.OLDEST: lambda row: (row.waiting_since, row.article_id),
    QueueSort.NEWEST: lambda row: (row.waiting_since, row.article_id),
    QueueSort.WORST: lambda row: (row.findings.score, row.waiting_since, row.article_id),
    QueueSort.BEST: lambda row: (row.findings.score, row.waiting_since, row.article_id),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_a_filter_leaves_what_a_look_at_every_row_leaves(full: Database, name: str) -> None:
    given, is_wanted = FILTERS[name]
    every = await rows_of(full, QueueFilter(), limit=200)
    found = await rows_of(full, QueueFilter(**given))
    assert [row.article_id for row in found] == [row.article_id for row in every if is_wanted(row)]
    assert (await count_queue(full, QueueFilter(**given), by=IDA))[Tab.NEEDS_REVIEW] == len(found)


@pytest.mark.parametrize("sort", list(QueueSort))
async def test_pages_have_each_row_once_and_in_order(full: Database, sort: QueueSort) -> None:
    found = await rows_of(full, QueueFilter(sort=sort))
    assert len(found) == len({row.article_id for row in found}) == len(await rows_of(full, QueueFilter()))
    if sort in KEYS:
        assert found == sorted(found, key=KEYS[sort], reverse=sort.is_backwards)
    else:
        assert (
            found == list(reversed(await rows_of(full, QueueFilter(sort=QueueSort.KEYWORD)))) or not sort.is_backwards
        )


@pytest.mark.parametrize("tab", list(Tab))
async def test_a_tab_has_as_many_rows_as_it_says(full: Database, tab: Tab) -> None:
    shown = await list_queue(full, QueueFilter(tab=tab), by=IDA, limit=200)
    assert len(shown.page.items) == shown.counts[tab]
    assert {row.status for row in shown.page.items} <= {tab.status}
    if tab is Tab.NEEDS_REVIEW:
        snoozed = await list_queue(full, QueueFilter(tab=tab, snoozed=True), by=IDA, limit=200)
        assert len(snoozed.page.items) == snoozed.counts[tab] > shown.counts[tab]


async def test_the_tabs_divide_what_is_approved(full: Database) -> None:
    tabs = {tab: {row.article_id for row in await rows_of(full, QueueFilter(tab=tab))} for tab in Tab}
    assert all(tabs[tab] for tab in (Tab.HOLD, Tab.LIVE, Tab.APPROVED, Tab.PARKED))
    assert not tabs[Tab.HOLD] & tabs[Tab.LIVE]
    assert not tabs[Tab.APPROVED] & (tabs[Tab.LIVE] | tabs[Tab.HOLD])


@pytest.mark.parametrize("sort", list(QueueSort))
async def test_neighbours_are_those_of_the_list(full: Database, sort: QueueSort) -> None:
    where = QueueFilter(sort=sort, site=OTHER)
    order = [row.article_id for row in await rows_of(full, where)]
    for number, article_id in enumerate(order):
        found = await neighbours(full, article_id, where, by=IDA)
        assert (found.position, found.total, found.is_inside) == (number + 1, len(order), True)
        assert found.previous == (order[number - 1] if number else None)
        assert found.next == (order[number + 1] if number + 1 < len(order) else None)


async def test_a_decided_text_keeps_its_place_between_its_neighbours(full: Database) -> None:
    (parked, *_) = await rows_of(full, QueueFilter(tab=Tab.PARKED))
    found = await neighbours(full, parked.article_id, QueueFilter(), by=IDA)
    order = await rows_of(full, QueueFilter())
    later = [row for row in order if (row.waiting_since, row.article_id) > (parked.waiting_since, parked.article_id)]
    assert not found.is_inside
    assert found.next == (later[0].article_id if later else None)
    assert found.position == len(order) - len(later) + 1


async def test_a_person_sees_the_sites_that_he_may_read(full: Database) -> None:
    person = Person(
        **dict.fromkeys(("email", "os_user", "disabled_at")),
        name="uma",
        display_name="Uma",
        created_at=datetime.now(UTC),
        grants=(Grant(role=Role.VIEWER, site=OTHER),),
    )
    uma = Principal(name="uma", origin=Origin.API, person=person)
    every = await rows_of(full, QueueFilter())
    shown = await list_queue(full, QueueFilter(), by=uma, limit=200)
    assert shown.page.items == [row for row in every if row.site == OTHER]
    assert set(shown.sites) == set(shown.effects) == {OTHER}
    assert not shown.effects[OTHER].may
    with pytest.raises(NotPermitted):
        await list_queue(full, QueueFilter(site=SITE), by=uma, limit=1)
    with pytest.raises(NotPermitted):
        await neighbours(full, next(row for row in every if row.site == SITE).article_id, QueueFilter(), by=uma)
    with pytest.raises(NotFound):
        await list_queue(full, QueueFilter(site="no-such-site"), by=IDA, limit=1)
