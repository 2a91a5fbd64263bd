"""Every form and page of the desk × role × relation to the site does what ``docs/permissions.csv`` allows, and no more.

``docs/desk-routes.csv`` names the action of each, by hand. The same lines are tried with forged forms and with sessions
that have ended: nothing changes.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import text

from src.api.desk.pages import PAGES
from src.application.people import set_disabled
from src.application.reviews import Reviews
from src.domain.ids import ArticleId
from src.domain.person import Grant, Role
from src.infrastructure.database.tables import Table
from tests.applications import ANNA
from tests.factories import a_site
from tests.integration.api.test_permissions import ELSEWHERE, HERE, Line, is_allowed
from tests.many_articles import fill_with_waiting

from .conftest import ADMIN, Browser, TheDesk

ROUTES = Path(__file__).parents[3] / "docs" / "desk-routes.csv"
NOBODY, OTHER_TEXT = str(uuid4()), "0" * 64
RELATIONS: dict[str, str | None] = {"own_site": HERE, "other_site": ELSEWHERE, "all_sites": None}
WITHOUT_FINGERPRINT = {"sessions", "seen_blocks", "reviews", "idempotency_keys"}  # that somebody looks is noted there
SLOT = "2026-11-01T06:00:00Z"
_MADE = """SELECT (SELECT id FROM model_calls LIMIT 1), id, batch_id FROM articles
           WHERE EXISTS (SELECT FROM article_revisions WHERE article_id = articles.id AND content_hash <> 'h')
           LIMIT 1"""
FORMS: dict[str, dict[str, Any]] = {  # what a form needs to get as far as the permission, and changes little
    "POST /queue/run": {"pick": f"{{article}}:{OTHER_TEXT}", "count": "1", "change": "tone", "rejection": "duplicate"}
    | {"keyword": "never", "until": "2100-01-01T00:00:00+00:00"},
    "POST /articles/{article}/decide": {"content_hash": OTHER_TEXT, "why": "tone", "rej": "duplicate", "wd": "error"}
    | {"keyword": "never", "until": "2100-01-01T00:00"},
    "POST /articles/{article}/findings/{finding}/waive": {"content_hash": OTHER_TEXT, "reason": "a quote"},
    "POST /articles/{article}/diff": {"before": "1", "after": "1", "parent": OTHER_TEXT},
    "POST /articles/{article}/edit/{part}": {"parent": OTHER_TEXT, "title": "Other"},
    "POST /articles/{article}/edit/{part}/check": {"parent": OTHER_TEXT, "title": "Other"},
    "POST /articles/{article}/comments": {"text": "Who says so?"},
    "POST /calendar/backfills": {"site": HERE, "slot": SLOT},
    "POST /calendar/stop": {"site": HERE},
    "POST /batches": {"site": HERE, "articles": "1"},
    "POST /batches/{batch}/retry": {"count": "1"},
    "POST /keywords/{site}/requeue": {"phrase": "unknown"},
    "POST /keywords/{site}/keyword-list": {"text": "how to"},
    "POST /new-site-file": {"text": "slug = 1"},
    "POST /schedules/pause": {"site": HERE, "note": "relaunch"},
    "POST /schedules/resume": {"site": HERE, "note": "relaunch"},
    "POST /schedules/{site}": {"way": "times", "times": "06:00"},
    "POST /schedules/{site}/preview": {"way": "times", "times": "06:00"},
    "POST /schedules/{site}/pause": {"note": "relaunch"},
    "POST /schedules/{site}/resume": {"note": "relaunch"},
    "POST /holds": {"site": HERE, "depth": "articles", "note": "relaunch"},
    "POST /holds/release": {"site": HERE},
    "POST /deployments/promote": {"colour": "green"},
    "POST /deployments/drain": {"colour": "green"},
    "POST /people": {"name": "target"},
    "POST /people/{name}/grant": {"role": "viewer", "site": HERE},
    "POST /people/{name}/withdraw": {"role": "admin", "site": HERE},
    "POST /people/{name}/tokens": {"token": "taken", "days": "1"},
    "POST /account/password": {"password": "wrong", "new_password": "x", "repeated": "y"},
    "POST /confirm": {"password": "wrong"},
    "POST /login": {"name": "nobody", "password": "wrong"},
}
QUERIES = {
    "GET /calendar/plan": {"site": HERE, "slot": SLOT},
    "GET /calendar/stop": {"site": HERE},
    "GET /holds/release": {"site": HERE},
    "GET /deployments/confirm": {"kind": "promote", "colour": "green"},
    "GET /audit": {"site": HERE},
    "GET /audit/export": {"site": HERE},
    "GET /queue": {"state": "needs-review"},
}
ENDLESS = {"GET /events"}  # streams: test_today_page


@dataclass(frozen=True)
class DeskLine(Line):
    form: str

    @property
    def sent(self) -> dict[str, str]:
        name, _, value = self.form.partition("=")
        return FORMS.get(self.key, {}) | ({name: value} if name else {})


@dataclass(frozen=True)
class World:
    """People at their browsers, by role and relation, and what they ask for."""

    desk: TheDesk
    browsers: dict[tuple[Role, str], Browser]
    ids: Mapping[str, str]


def lines() -> list[DeskLine]:
    with ROUTES.open(encoding="utf-8", newline="") as file:
        return [DeskLine(**row) for row in csv.DictReader(file)]


LINES = [line for line in lines() if line.key not in ENDLESS]
WRITES = [line for line in LINES if line.method == "POST"]


@pytest.fixture(scope="module")
async def world(desk: TheDesk) -> World:
    await fill_with_waiting(desk.database, 1, calls=True)
    async with desk.database.engine.connect() as connection:
        call, article, batch = (await connection.execute(text(_MADE))).one()
    article = ArticleId(article)
    comment = await Reviews(desk.database, by=ANNA).comment(article, "Who says so?")
    async with desk.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=ELSEWHERE))
        await uow.batches.close(batch, cancelled=False, error=None)  # its stream of events has an end
    browsers = {}
    for role in Role:
        for relation, site in RELATIONS.items():
            name = f"{role}-{relation}".replace("_", "-")
            await desk.person(name, [Grant(role=role, site=site)])
            browsers[role, relation] = await desk.logged_in(name)
    await desk.person("target", [Grant(role=Role.VIEWER, site=HERE)])
    ids = {"site": HERE, "batch": str(batch), "article": str(article), "comment_id": str(comment.id)}
    ids |= {"finding": "0", "part": "head", "backfill": NOBODY, "name": "target", "token": "unknown"}
    return World(desk, browsers, ids | {"call_id": str(call)})


async def ask(browser: Browser, line: DeskLine, ids: Mapping[str, str], **headers: str) -> Response:
    path = f"/desk{line.path.format(**ids)}"
    if line.method == "GET":
        return await browser.client.get(path, params=QUERIES.get(line.key), headers=headers)
    sent = {name: value.replace("{article}", ids["article"]) for name, value in line.sent.items()}
    return await browser.client.post(path, data={"csrf": browser.token, **sent}, headers=headers)


async def fingerprint(desk: TheDesk) -> list[Any]:
    """Return a hash of every table's rows but those that note who looks."""
    await desk.app.state.background.wait()  # deployments that were begun
    names = sorted(set(Table.metadata.tables) - WITHOUT_FINGERPRINT)
    rows = " UNION ALL ".join(
        f"SELECT '{name}' AS name, md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {name} t"  # noqa: S608 - names of our own tables
        for name in names
    )
    async with desk.database.engine.connect() as connection:
        return list(await connection.execute(text(rows)))


def changed(before: list[Any], after: list[Any]) -> list[str]:
    return [old[0] for old, new in zip(before, after, strict=True) if old != new]


def is_at_the_login(answer: Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/desk/login")


def test_every_route_has_its_lines() -> None:
    served = {(method, route.path) for page in PAGES for route in page.router.routes for method in route.methods}
    assert {(line.method, line.path) for line in lines()} == served


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.key} {line.form}")
async def test_a_page_lets_through_what_the_file_allows(world: World, line: DeskLine) -> None:
    before = await fingerprint(world.desk)
    wrong = await opened_to_nobody(world, line)
    for pair in (pair for pair in world.browsers if not may(line, pair)):
        answer = await ask(world.browsers[pair], line, world.ids)
        if answer.status_code != 403:
            wrong[f"{pair} is refused"] = answer.status_code
    assert changed(before, await fingerprint(world.desk)) == [], "a refusal changed something"
    if line.key != "POST /logout":  # it would end what the other lines need
        for pair in (pair for pair in world.browsers if may(line, pair)):
            answer = await ask(world.browsers[pair], line, world.ids)
            if answer.status_code in (403, 500) or is_at_the_login(answer):
                wrong[f"{pair} is allowed"] = answer.status_code
    assert wrong == {}


def may(line: DeskLine, pair: tuple[Role, str]) -> bool:
    return line.where == "anybody" or is_allowed(line, *pair)


async def opened_to_nobody(world: World, line: DeskLine) -> dict[str, int]:
    if line.where == "anybody":
        return {}
    answer = await ask(world.desk.browser(), line, world.ids)
    is_shut = answer.status_code in (401, 403) or is_at_the_login(answer)
    return {} if is_shut else {"nobody": answer.status_code}


OWN_HEADERS = {"Origin": "http://desk.test", "Sec-Fetch-Site": "same-origin"}
FORGED: dict[str, tuple[str | None, dict[str, str]]] = {  # a token, and headers
    "no token": ("", {}),
    "a token of nobody": ("0" * 64, OWN_HEADERS),
    "a token of another session": (None, OWN_HEADERS),
    "a foreign origin": ("own", {"Origin": "https://evil.example"}),
    "no origin at all": ("own", {"Origin": "null"}),
    "a foreign page": ("own", {"Sec-Fetch-Site": "cross-site"}),
    "a sister site": ("own", {"Sec-Fetch-Site": "same-site"}),
}


@pytest.mark.parametrize("line", WRITES, ids=lambda line: f"{line.key} {line.form}")
async def test_forged_forms_change_nothing(world: World, line: DeskLine) -> None:
    admin, other = world.browsers[Role.ADMIN, "all_sites"], world.browsers[Role.VIEWER, "own_site"]
    before, own = await fingerprint(world.desk), admin.token
    answers = {}
    for why, (token, headers) in FORGED.items():
        admin.token = {"own": own, None: other.token}.get(token, token or "")
        answers[why] = (await ask(admin, line, world.ids, **headers)).status_code
    admin.token = own
    assert answers == dict.fromkeys(FORGED, 403)
    assert changed(before, await fingerprint(world.desk)) == []


ENDED = {
    "expired": "expires_at = now() - interval '1 s'",
    "idle": "last_used_at = now() - interval '13 h'",
    "disabled": None,
    "logged out": None,
}


@pytest.fixture(scope="module")
async def ended(world: World) -> dict[str, Browser]:
    """Browsers whose session has ended, each in its way; a stolen cookie is one of them."""
    found = {"unknown": world.desk.browser()}
    found["unknown"].client.cookies.set("longtail_session", "x" * 43)
    for why, changed_ in ENDED.items():
        name = why.replace(" ", "-")
        await world.desk.person(name, [ADMIN])
        found[why] = await world.desk.logged_in(name)
        if changed_ is not None:
            of_person = "user_id = (SELECT id FROM users WHERE name = :name)"
            statement = text(f"UPDATE sessions SET {changed_} WHERE {of_person}")  # noqa: S608 - from above
            async with world.desk.database.engine.begin() as connection:
                await connection.execute(statement, {"name": name})
    await set_disabled(world.desk.database, "disabled", by=ANNA, disabled=True)
    stolen = dict(found["logged out"].client.cookies)
    await found["logged out"].send("/desk/logout")
    found["logged out"].client.cookies.update(stolen)
    return found


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.where != "anybody"], ids=lambda line: f"{line.key} {line.form}"
)
async def test_ended_sessions_open_nothing(world: World, ended: dict[str, Browser], line: DeskLine) -> None:
    before = await fingerprint(world.desk)
    wrong = {}
    for why, browser in ended.items():
        answer = await ask(browser, line, world.ids)
        if answer.status_code not in (401, 403) and not is_at_the_login(answer):
            wrong[why] = answer.status_code
    assert wrong == {}
    assert changed(before, await fingerprint(world.desk)) == []
