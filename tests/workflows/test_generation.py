"""Generations: a run keeps the commands of the worker that began it, whichever worker or replay continues it."""

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from src.domain.article import Article
from src.domain.site import Site
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import generation, ids
from src.infrastructure.temporal import worker as temporal_worker
from tests.eventually import eventually
from tests.replays import HISTORIES, history, replayer

from .conftest import Batches, RunWorker, reported

STAGES_AND_OUTCOME = 5


@pytest.mark.parametrize(
    ("build_id", "number"),
    [("g1-0.1.0", 1), ("g12-3f2a9c01", 12), (None, 0), ("", 0), ("0.1.0", 0), ("g-1", 0), ("my-g1-x", 0)],
)
def test_a_build_id_names_its_generation(build_id: str | None, number: int) -> None:
    assert generation.generation_of(build_id) == number


def test_the_build_id_of_this_code_names_its_generation() -> None:
    assert generation.generation_of(generation.build_id("0.1.0")) == generation.GENERATION


def test_there_are_histories_of_every_generation() -> None:
    build_ids = {_build_id(history(file)) for file in HISTORIES}
    assert {generation.generation_of(each) for each in build_ids} == set(range(generation.GENERATION + 1))


@pytest.mark.parametrize(("begun_by", "upserts"), [(0, STAGES_AND_OUTCOME), (1, 1)])
async def test_an_article_ends_with_the_commands_of_the_generation_that_began_it(
    batches: Batches,
    database: Database,
    client: Client,
    run_worker: RunWorker,
    monkeypatch: pytest.MonkeyPatch,
    begun_by: int,
    upserts: int,
) -> None:
    site = await batches.site(keywords=1)

    async def has_begun() -> bool:
        return bool(articles := await _articles(database, site)) and bool(articles[0].stages_done)

    monkeypatch.setattr(generation, "GENERATION", begun_by)
    async with run_worker(latency=0.4):
        handle = await batches.start(site)
        await eventually(has_begun)
    monkeypatch.undo()
    async with run_worker():
        assert (await reported(handle)).needs_review == 1
    (article,) = await _articles(database, site)
    recorded = await client.get_workflow_handle(ids.article(article.id)).fetch_history()
    kind = EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES
    assert [event.event_type for event in recorded.events].count(kind) == upserts
    await replayer(*temporal_worker.WORKFLOWS).replay_workflow(recorded)


async def _articles(database: Database, site: Site) -> list[Article]:
    async with database.unit_of_work() as uow:
        return await uow.articles.list_all(site=site.slug)


def _build_id(recorded: WorkflowHistory) -> str:
    """Return the build id of the worker that completed the first task."""
    completed = (
        event.workflow_task_completed_event_attributes
        for event in recorded.events
        if event.HasField("workflow_task_completed_event_attributes")
    )
    return next(completed).worker_version.build_id
