"""Articles in all their parts, and lists that show each person his own."""

from uuid import uuid4

import pytest

from src.domain.article import ArticleRef
from src.domain.person import Grant, Role
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.settings import Settings
from tests.finished_articles import finished_articles, save

from .away import WithoutTemporal
from .conftest import Api
from .test_requests import counted, is_problem


@pytest.fixture(scope="module")
async def refs(api: Api, admin: str) -> list[ArticleRef]:
    found = await finished_articles(api.database, 3)
    for ref in found:
        await save(api.database, ref)
    return found


@pytest.fixture(scope="module")
async def strangers(api: Api, refs: list[ArticleRef]) -> str:
    """The token of an operator of no site that has articles."""
    async with api.database.unit_of_work() as uow:
        await uow.sites.upsert((await uow.sites.get(refs[0].site)).model_copy(update={"slug": "garden-shop"}))
    return await api.person("gina", Grant(role=Role.OPERATOR, site="garden-shop"))


async def test_an_article_is_shown_in_all_its_parts(api: Api, admin: str, refs: list[ArticleRef]) -> None:
    path = f"/api/v1/articles/{refs[0].article_id}"
    async with api.client(admin) as asking:
        with counted(api) as statements:
            shown = (await asking.get(path)).json()
        assert len(statements) <= 6  # three of them find out who asks
        assert (shown["article"]["status"], len(shown["revisions"])) == ("needs_review", 1)
        assert shown["workflow_id"].endswith(str(refs[0].article_id))
        assert [stage["stage"] for stage in (await asking.get(f"{path}/stages")).json()] == ["A", "B", "C", "D"]
        assert (await asking.get(f"{path}/revisions")).json() == shown["revisions"]
        text = (await asking.get(f"{path}/revisions/1")).json()["content"]
        assert text["sections"]
        assert (await asking.get(f"{path}/revisions/1/findings")).json() == shown["findings"]
        assert (await asking.get(f"{path}/calls")).json() == []
        is_problem(await asking.get(f"{path}/revisions/2"), 404)
        is_problem(await asking.get(f"/api/v1/articles/{uuid4()}"), 404)
        is_problem(await asking.post(f"{path}/retry", json={}), 409)


async def test_a_page_is_shown_without_any_right_to_act(api: Api, admin: str, refs: list[ArticleRef]) -> None:
    async with api.client(admin) as asking:
        page = await asking.get(f"/api/v1/articles/{refs[0].article_id}/html")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert "<h1" in page.text


async def test_lists_filter_and_follow_each_other(api: Api, admin: str, refs: list[ArticleRef]) -> None:
    async with api.client(admin) as asking:
        newest = (await asking.get("/api/v1/articles", params={"limit": 2})).json()
        rest = (await asking.get("/api/v1/articles", params={"limit": 2, "cursor": newest["next"]})).json()
        oldest = (await asking.get("/api/v1/articles", params={"order": "oldest"})).json()
        ids = [each["id"] for each in newest["items"] + rest["items"]]
        assert ids == [each["id"] for each in reversed(oldest["items"])]
        assert sorted(ids) == sorted(str(ref.article_id) for ref in refs)
        (batch,) = (await asking.get("/api/v1/batches")).json()["items"]
        for params, count in (
            ({"batch": batch["id"]}, 3),
            ({"batch": str(uuid4())}, 0),
            ({"status": ["failed", "cancelled"]}, 0),
            ({"status": ["failed", "needs_review"]}, 3),
            ({"containing": refs[0].keyword.upper()}, 1),
            ({"containing": "%"}, 0),
        ):
            assert len((await asking.get("/api/v1/articles", params=params)).json()["items"]) == count, params


async def test_everybody_sees_the_lists_of_his_own_sites(api: Api, strangers: str, refs: list[ArticleRef]) -> None:
    async with api.client(strangers) as stranger:
        for noun in ("articles", "batches", "alerts"):
            assert (await stranger.get(f"/api/v1/{noun}")).json()["items"] == []
        sites = (await stranger.get("/api/v1/sites")).json()["items"]
        events = (await stranger.get("/api/v1/audit")).json()["items"]
        document = is_problem(await stranger.get(f"/api/v1/articles/{refs[0].article_id}"), 403)
    assert [each["site"]["slug"] for each in sites] == ["garden-shop"]
    assert events == []
    assert document["roles"] == ["viewer", "reviewer", "publisher", "operator", "admin"]


async def test_the_database_away_is_a_problem_that_may_be_repeated(api: Api, admin: str) -> None:
    away = Database(create_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none", pool_size=1))
    async with Api(WithoutTemporal.on(away, Settings.model_construct())).client(admin) as asking:
        document = is_problem(await asking.get("/api/v1/sites"), 503)
        ready = await asking.get("/health/ready")
    assert document["retryable"]
    assert "nobody" not in str(document)
    assert ready.json() == {"database": "unavailable", "migrations": "unknown", "temporal": "unavailable"}


async def test_pages_of_other_origins_may_call_where_the_settings_say_so(api: Api) -> None:
    origin = "https://desk.example"
    settings = Settings.model_construct(api_cors_origins=(origin,))
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "If-Match"}
    async with Api(WithoutTemporal.on(api.database, settings)).client() as browser:
        answer = await browser.options("/api/v1/sites", headers=asked)
        other = await browser.options("/api/v1/sites", headers=asked | {"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Access-Control-Allow-Origin" not in other.headers
