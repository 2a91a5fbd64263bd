"""Publications over HTTP: requested once, undone without a trace, read back, taken off and restored."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient
from temporalio.client import Client
from temporalio.service import RPCError

from src.application.publication_runs import PublicationRuns
from src.domain.ids import ArticleId
from src.domain.person import Grant, Role
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.settings import Settings
from tests.applications import an_application
from tests.factories import a_site
from tests.finished_articles import SITE, finished_articles, save
from tests.publications import ApprovedArticle, PublishedFolder, approve, set_rules

from .conftest import ADMIN, Api
from .test_requests import is_problem

SLUGS = ("fix-leaky-tap", "fix-leaky-tap-2", "fix-leaky-tap-3")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PublishedFolder:
    return PublishedFolder(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
async def published_api(client: Client, own_database: Database, folder: PublishedFolder) -> Api:
    """The app on a real Temporal, without a worker."""
    settings = Settings.model_construct(publish_folder=Path(folder.root))
    return Api(an_application(client, own_database, settings=settings))


@pytest.fixture(scope="module")
async def approved(published_api: Api, client: Client) -> AsyncIterator[list[ApprovedArticle]]:
    database = published_api.database
    await published_api.person("admin", ADMIN)
    refs = await finished_articles(database, 3)
    for ref in refs:
        await save(database, ref)
    made = [await approve(database, ref.article_id) for ref in refs]
    yield made
    for each in made:  # no worker of another test is to see them
        with suppress(RPCError):
            await client.get_workflow_handle(ids.publish(each.article_id)).terminate()


@pytest.fixture(scope="module")
async def tokens(published_api: Api, approved: list[ApprovedArticle]) -> dict[str, str]:
    async with published_api.database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug="garden-shop"))
    return {
        "paula": await published_api.person("paula", Grant(role=Role.PUBLISHER, site=SITE)),
        "gina": await published_api.person("gina", Grant(role=Role.PUBLISHER, site="garden-shop")),
    }


@pytest.fixture
async def paula(published_api: Api, tokens: dict[str, str]) -> AsyncIterator[AsyncClient]:
    """The publisher, who asks."""
    async with published_api.client(tokens["paula"]) as client:
        yield client


async def carry_out(api: Api, article_id: ArticleId) -> None:
    """Do what is due, as the workflow does."""
    runs = PublicationRuns(api.database, api.application.targets)
    while (step := await runs.look(article_id)).due:
        for publication_id in step.due:
            await runs.carry_out(publication_id)


async def of_article(asking: AsyncClient, article_id: ArticleId, **params: Any) -> list[dict[str, Any]]:
    answer = await asking.get("/api/v1/publications", params={"article": str(article_id), **params})
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_page_goes_out_is_read_back_taken_off_and_put_back(
    published_api: Api, paula: AsyncClient, approved: list[ApprovedArticle], folder: PublishedFolder
) -> None:
    await set_rules(published_api.database, undo="0s")
    article = approved[0].article_id
    path = f"/api/v1/articles/{article}/publish"
    is_problem(await paula.post(f"{path}/verify"), 409)
    asked = await paula.post(path, json={})
    assert (asked.status_code, asked.json()["is_new"]) == (202, True)
    assert isinstance(asked.json()["has_workers"], bool)  # another test's may have polled blue a moment ago
    again = (await paula.post(path, json={})).json()
    assert (again["is_new"], again["publication"]["id"]) == (False, asked.json()["publication"]["id"])
    await carry_out(published_api, article)
    shown = (await paula.get(f"/api/v1/publications/{again['publication']['id']}")).json()
    assert (shown["status"], shown["reviewer"], shown["requested_by"]) == ("verified", "ida", "paula")
    assert list(folder.pages) == [SLUGS[0]]

    (folder.path / f"{SLUGS[0]}.html").write_text("somebody was here", encoding="utf-8")
    (verified,) = (await paula.post(f"{path}/verify")).json()
    assert verified["problems"]
    (of_site,) = (await paula.post(f"/api/v1/sites/{SITE}/publish/verify")).json()
    assert of_site["problems"] == verified["problems"]

    assert (await paula.post(f"{path}/take-off", json={})).json()["publication"]["status"] == "taking_off"
    await carry_out(published_api, article)
    assert folder.pages == {}
    is_problem(await paula.post(f"{path}/take-off", json={}), 409)
    back = await paula.post(f"{path}/restore", json={})
    assert (back.status_code, back.json()["publication"]["content_hash"]) == (202, approved[0].content_hash)
    await carry_out(published_api, article)
    assert list(folder.pages) == [SLUGS[0]]
    assert folder.is_consistent()


async def test_what_waits_for_its_time_is_undone_without_a_trace(
    published_api: Api, paula: AsyncClient, approved: list[ApprovedArticle]
) -> None:
    await set_rules(published_api.database, undo="1h", per_day=1)
    article = approved[1].article_id
    path = f"/api/v1/articles/{article}/publish"
    is_problem(await paula.post(path, json={"at": "2100-01-01T00:00:00Z"}), 422)
    is_problem(await paula.post(path, json={"at": "2026-12-24T09:00:00Z", "by_cadence": True}), 422)
    scheduled = (await paula.post(path, json={"by_cadence": True})).json()["publication"]
    assert scheduled["status"] == "scheduled"
    (undone,) = (await paula.post(f"{path}/undo")).json()
    assert (undone["id"], undone["status"]) == (scheduled["id"], "undone")
    is_problem(await paula.post(f"{path}/undo"), 409)
    await carry_out(published_api, article)
    assert [each["status"] for each in await of_article(paula, article)] == ["undone"]


async def test_only_what_is_approved_goes_out_and_only_an_admin_forces_it(
    published_api: Api, paula: AsyncClient, approved: list[ApprovedArticle]
) -> None:
    article = approved[2].article_id
    path = f"/api/v1/articles/{article}"
    is_problem(await paula.post(f"{path}/publish/force", json={"reason": "a demonstration"}), 403)
    edit = {"title": "Another title", "parent": approved[2].content_hash}
    assert (await paula.post(f"{path}/revisions", json=edit)).status_code == 200
    assert is_problem(await paula.post(f"{path}/publish", json={}), 409)["reason"] == "not_approved"
    assert await of_article(paula, article) == []


async def test_publications_come_in_pages_and_to_those_who_may(
    published_api: Api, paula: AsyncClient, tokens: dict[str, str], approved: list[ApprovedArticle]
) -> None:
    everything = (await paula.get("/api/v1/publications")).json()["items"]
    seen, cursor = [], None
    while True:
        params = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await paula.get("/api/v1/publications", params=params)).json()
        seen += page["items"]
        if not (cursor := page["next"]):
            break
    assert seen == everything
    oldest = (await paula.get("/api/v1/publications", params={"order": "oldest", "site": SITE})).json()["items"]
    assert oldest == everything[::-1]
    undone = (await paula.get("/api/v1/publications", params={"status": ["undone", "failed"]})).json()["items"]
    assert {each["status"] for each in undone} == {"undone"}
    assert await of_article(paula, approved[0].article_id, status="taken_off")
    async with published_api.client(tokens["gina"]) as gina:
        assert (await gina.get("/api/v1/publications")).json()["items"] == []
        is_problem(await gina.get(f"/api/v1/publications/{everything[0]['id']}"), 403)
