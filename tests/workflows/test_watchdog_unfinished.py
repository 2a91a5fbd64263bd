"""Nothing stays running: what no workflow or worker continues is found, repaired and said once."""

import asyncio
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from src.application.unfinished_watch import UnfinishedWatch
from src.bootstrap import Application
from src.domain.alert import Alert, AlertKind
from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.colour import BLUE, Colour
from src.domain.hold import HoldDepth
from src.domain.longtail import LongtailStatus
from src.domain.running_code import RunningCode
from src.domain.site import Site
from src.domain.stages import Stage
from src.domain.usage import CallStatus
from src.infrastructure.database.batches import BatchRequest
from src.infrastructure.database.model_calls import CallRequest
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.database.workers import RegisteredWorker
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import search_attributes as sa
from src.infrastructure.workers import process
from src.infrastructure.workers.registration import Registration
from tests.eventually import eventually

from .conftest import SLOT, Batches, RunWorker
from .test_batch import articles_of, calls_of

MakeWatch = Callable[..., UnfinishedWatch]


@pytest.fixture
def make_watch(application: Application) -> MakeWatch:
    """A watchdog without patience, to which every worker is dead that it does not know."""
    registration = Registration(
        application.database,
        instance="watchdog",
        colour=BLUE,
        code=RunningCode(version="test"),
        slots=1,
        lease=timedelta(0),
    )

    def make(*, patience: timedelta = timedelta(0)) -> UnfinishedWatch:
        return UnfinishedWatch(
            application.database,
            application.workflows,
            is_gone=registration.is_gone,
            overdue_factor=5,
            patience=patience,
        )

    return make


@pytest.fixture
def watch(make_watch: MakeWatch) -> UnfinishedWatch:
    return make_watch()


async def look(watch: UnfinishedWatch, after: timedelta = timedelta(0)) -> list[Alert]:
    return await watch.look(datetime.now(UTC) + after)


async def alerts(database: Database, *, ended: bool = False) -> list[tuple[AlertKind, str]]:
    async with database.unit_of_work() as uow:
        return sorted((alert.kind, alert.subject) for alert in await uow.alerts.list_all(ended=ended, limit=100))


async def count_ready(database: Database, site: str) -> int:
    async with database.unit_of_work() as uow:
        return (await uow.longtails.count_by_status(site))[LongtailStatus.READY]


async def opened(database: Database, site: Site, *, limit: int = 2) -> Batch:
    """A batch as its workflow opened it, of which Temporal knows nothing."""
    request = BatchRequest(
        site=site.slug,
        slot=SLOT,
        trigger=Trigger.MANUAL,
        colour=BLUE,
        workflow_id=ids.batch_run(site.slug, SLOT),
        run_id=secrets.token_hex(4),
    )
    batch_id, _ = await database.run_in_transaction(lambda uow: uow.batches.open(request, limit=limit, force=False))
    async with database.unit_of_work() as uow:
        return await uow.batches.get(batch_id)


async def under_way(database: Database, site: Site, count: int) -> list[Article]:
    """The site's articles, once so many are being made."""

    async def are_under_way() -> list[Article]:
        found = await articles_of(database, site.slug)
        return found if [each.status for each in found].count(ArticleStatus.GENERATING) == count else []

    return await eventually(are_under_way)


async def test_a_batch_whose_workflow_was_terminated_is_closed_and_its_running_articles_go_on(
    client: Client, batches: Batches, database: Database, run_worker: RunWorker, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=3)
    async with run_worker(latency=600, model_slots=1):
        handle = await batches.start(site)
        made, *waiting = sorted(await under_way(database, site, 1), key=lambda each: each.status)
        assert await look(watch) == []
        await handle.terminate()

        (alert,) = await look(watch)

        batch = await batches.of(site)
        assert (alert.kind, alert.subject, alert.site) == (AlertKind.BATCH_GONE, str(batch.id), site.slug)
        assert (batch.status, batch.error_type, batch.cancelled) == (BatchStatus.FAILED, "WorkflowGone", 2)
        after = {article.id: article.status for article in await articles_of(database, site.slug)}
        assert after.pop(made.id) is ArticleStatus.GENERATING
        assert after == dict.fromkeys((article.id for article in waiting), ArticleStatus.CANCELLED)
        assert await count_ready(database, site.slug) == 2
        assert [call.status for call in await calls_of(database, made)] == [CallStatus.OPEN]
        assert await look(watch) == []
        assert await alerts(database) == []
        assert await alerts(database, ended=True) == [(AlertKind.BATCH_GONE, str(batch.id))]
        await client.get_workflow_handle(ids.article(made.id)).terminate()


async def test_a_queued_article_whose_workflow_runs_outlives_its_batch(
    application: Application, batches: Batches, database: Database, colour: Colour, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=2)
    await opened(database, site)
    first, second = await articles_of(database, site.slug)
    await application.articles.retry(first.id, colour=colour)  # no worker takes it up
    await look(watch)
    after = {article.id: article.status for article in await articles_of(database, site.slug)}
    assert after == {first.id: ArticleStatus.QUEUED, second.id: ArticleStatus.CANCELLED}
    await application.workflows.terminate_articles([first.id], reason="the test ends")

    (alert,) = await look(watch)  # queued in a closed batch, and nothing will start it

    assert (alert.kind, alert.subject) == (AlertKind.ARTICLE_GONE, str(first.id))
    assert {article.status for article in await articles_of(database, site.slug)} == {ArticleStatus.CANCELLED}
    assert await count_ready(database, site.slug) == 2


async def test_an_article_whose_workflow_was_terminated_is_cancelled_and_its_keyword_is_ready(
    client: Client, batches: Batches, database: Database, run_worker: RunWorker, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=2)
    async with run_worker(latency=600, model_slots=2):
        handle = await batches.start(site)
        first, second = await under_way(database, site, 2)
        await client.get_workflow_handle(ids.article(first.id)).terminate()

        (alert,) = [each for each in await look(watch) if each.kind is AlertKind.ARTICLE_GONE]

        assert (alert.subject, alert.site) == (str(first.id), site.slug)
        assert first.keyword in alert.detail
        after = {article.id: article.status for article in await articles_of(database, site.slug)}
        assert after == {first.id: ArticleStatus.CANCELLED, second.id: ArticleStatus.GENERATING}
        assert await count_ready(database, site.slug) == 1
        assert (await batches.of(site)).cancelled == 1
        await handle.terminate()
        await client.get_workflow_handle(ids.article(second.id)).terminate()


async def test_an_article_that_its_batch_will_start_again_is_left_alone(
    client: Client, batches: Batches, database: Database, run_worker: RunWorker, watch: UnfinishedWatch
) -> None:
    """A batch that was terminated with its articles and started again comes to them one after the other."""
    site = await batches.site(keywords=2)
    async with run_worker(latency=600, model_slots=2):
        handle = await batches.start(site)
        made = await under_way(database, site, 2)
        for workflow_id in (handle.id, *(ids.article(article.id) for article in made)):
            await client.get_workflow_handle(workflow_id).terminate()
    async with run_worker(latency=600, model_slots=1):
        handle = await batches.start(site)

        async def one_runs() -> bool:
            runs = await asyncio.gather(*(client.get_workflow_handle(ids.article(a.id)).describe() for a in made))
            return any(run.close_time is None for run in runs)

        await eventually(one_runs)

        assert not {AlertKind.ARTICLE_GONE, AlertKind.BATCH_GONE} & {each.kind for each in await look(watch)}
        assert {article.status for article in await articles_of(database, site.slug)} == {ArticleStatus.GENERATING}
        await handle.cancel()

        async def is_closed() -> bool:
            return (await batches.of(site)).status is BatchStatus.CANCELLED

        await eventually(is_closed)


async def test_a_claimed_keyword_without_an_article_is_ready_again(
    batches: Batches, database: Database, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=2)
    async with database.engine.begin() as connection:
        claimed = text("UPDATE longtails SET status = 'claimed' WHERE phrase LIKE '%leaky tap' RETURNING id")
        longtail_id = (await connection.execute(claimed)).scalar_one()

    (alert,) = await look(watch)

    assert (alert.kind, alert.subject, alert.site) == (AlertKind.LONGTAIL_STRANDED, str(longtail_id), site.slug)
    assert await count_ready(database, site.slug) == 2
    assert await look(watch) == []
    assert await alerts(database) == []


async def test_a_call_of_a_dead_worker_is_written_off_once_no_workflow_will_ask_again(
    application: Application, batches: Batches, database: Database, colour: Colour, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=3)
    await opened(database, site, limit=3)
    articles = await articles_of(database, site.slug)
    await register(database, "alive")
    await register(database, "dead")
    await database.run_autocommit(lambda uow: uow.workers.say_goodbye("dead"))
    dead, alive, asked_again = articles
    for article, worker in ((dead, "dead"), (alive, "alive"), (asked_again, "dead")):
        async with database.unit_of_work() as uow:
            await uow.model_calls.find_or_open(a_call(article, worker))
    await application.articles.retry(asked_again.id, colour=colour)

    found = [each for each in await look(watch) if each.kind is AlertKind.CALL_LOST]

    calls = {article.id: await calls_of(database, article) for article in articles}
    assert {article_id: [call.status for call in found] for article_id, found in calls.items()} == {
        dead.id: [CallStatus.LOST],
        alive.id: [CallStatus.OPEN],
        asked_again.id: [CallStatus.OPEN],
    }
    assert [(alert.subject, alert.site) for alert in found] == [(str(calls[dead.id][0].id), site.slug)]
    await application.workflows.terminate_articles([asked_again.id], reason="the test ends")


async def register(database: Database, instance: str) -> None:
    started = process.started_at()
    assert started is not None
    worker = RegisteredWorker(
        instance=instance,
        colour=BLUE,
        host=process.host(),
        pid=os.getpid(),
        process_started_at=started,
        code_version="test",
        slots=1,
    )
    await database.run_autocommit(lambda uow: uow.workers.register(worker))


def a_call(article: Article, worker: str) -> CallRequest:
    return CallRequest(
        article_id=article.id,
        revision=1,
        stage=Stage.OUTLINE,
        prompt="outline@1",
        prompt_hash="0",
        question="0",
        round=0,
        attempt=1,
        provider="openai",
        model="gpt-6-luna",
        worker=worker,
    )


async def test_a_batch_that_takes_five_times_as_long_as_usual_is_said_and_left_alone(
    batches: Batches, database: Database, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=2)
    handle = await batches.start(site)  # no worker takes it up
    batch = await opened(database, site, limit=1)
    minutes = timedelta(minutes=1)
    assert await look(watch, 99 * 60 * minutes) == []  # nothing is usual yet
    await have_taken(database, site, 20 * minutes)
    assert await look(watch, 95 * minutes) == []
    async with database.unit_of_work() as uow:
        await uow.holds.upsert(site.slug, depth=HoldDepth.STAGES, note="", by="anna")
    assert await look(watch, 105 * minutes) == []  # it waits on purpose
    async with database.unit_of_work() as uow:
        await uow.holds.release(site.slug, by="anna")

    (alert,) = await look(watch, 105 * minutes)

    assert (alert.kind, alert.subject) == (AlertKind.BATCH_OVERDUE, str(batch.id))
    assert "usually 0:20:00" in alert.detail
    assert (await batches.of(site)).status is BatchStatus.RUNNING
    assert await look(watch, 106 * minutes) == []  # said once
    await have_taken(database, site, 1 * minutes)
    assert await look(watch, 59 * minutes) == []  # an hour at least
    assert await alerts(database) == []
    assert [each.kind for each in await look(watch, 61 * minutes)] == [AlertKind.BATCH_OVERDUE]
    await handle.terminate()


async def have_taken(database: Database, site: Site, span: timedelta) -> None:
    """Let earlier batches of the site have taken so long; there are three."""
    statement = """
        INSERT INTO batches (id, site, slot, trigger, status, colour, workflow_id, run_id, opened_at, closed_at)
        SELECT gen_random_uuid(), :site, CAST(:slot AS timestamptz) - day * interval '1 day', 'manual', 'completed',
               'blue', 'w', 'r', now() - CAST(:span AS interval), now()
        FROM generate_series(1, 3) AS day
        ON CONFLICT (site, slot) DO UPDATE SET opened_at = excluded.opened_at, closed_at = excluded.closed_at
    """
    async with database.engine.begin() as connection:
        await connection.execute(text(statement), {"site": site.slug, "slot": SLOT, "span": span})


async def test_a_workflow_whose_tasks_fail_is_said(
    client: Client, batches: Batches, database: Database, colour: Colour, watch: UnfinishedWatch
) -> None:
    """The server sets the attribute after five failures, which take it a minute."""
    site = await batches.site()
    problems = ["category=WorkflowTaskFailed", "cause=WorkflowTaskFailedCauseNonDeterministicError"]
    handle = await client.start_workflow(
        "ArticleWorkflow",
        id=f"stuck/{colour}",
        task_queue=ids.task_queue(colour),
        search_attributes=TypedSearchAttributes(
            [SearchAttributePair(sa.SITE, site.slug), SearchAttributePair(sa.REPORTED_PROBLEMS, problems)]
        ),
    )

    async def is_said() -> list[Alert]:
        return await look(watch)  # Temporal's lists lag behind a little

    (alert,) = await eventually(is_said)
    assert (alert.kind, alert.subject, alert.site) == (AlertKind.WORKFLOW_STUCK, handle.id, site.slug)
    assert "NonDeterministicError" in alert.detail
    await handle.terminate()

    async def has_ended() -> bool:
        await look(watch)
        return await alerts(database) == []

    await eventually(has_ended)


async def test_what_is_just_being_started_is_no_finding(
    batches: Batches, database: Database, make_watch: MakeWatch
) -> None:
    site = await batches.site(keywords=2)
    batch = await opened(database, site)
    patient = make_watch(patience=timedelta(minutes=3))
    assert await look(patient) == []
    assert await alerts(database, ended=True) == []
    handle = await batches.start(site)
    assert await look(patient) == []
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM watchdog_alerts"))).scalar_one() == 0
    await handle.terminate()
    assert await look(patient) == []
    assert (await batches.of(site)).status is BatchStatus.RUNNING
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE watchdog_alerts SET since = since - interval '3 minutes'"))

    (alert,) = await look(patient)

    assert (alert.kind, alert.subject) == (AlertKind.BATCH_GONE, str(batch.id))
    assert (await batches.of(site)).status is BatchStatus.FAILED


async def test_rows_of_other_sites_are_not_waited_for(
    client: Client, batches: Batches, database: Database, watch: UnfinishedWatch
) -> None:
    site = await batches.site(keywords=3)
    await opened(database, site)
    async with database.engine.begin() as connection:
        others = (
            "INSERT INTO sites (slug, description) SELECT 'other', description FROM sites LIMIT 1",
            "INSERT INTO longtails (id, site, phrase, key, source, status) "
            "VALUES (gen_random_uuid(), 'other', 'p', 'p', 's', 'claimed')",
        )
        for statement in others:
            await connection.execute(text(statement))
    async with database.engine.begin() as connection:
        for table in ("sites", "longtails"):
            column = "slug" if table == "sites" else "site"
            await connection.execute(text(f"SELECT FROM {table} WHERE {column} = 'other' FOR NO KEY UPDATE"))
        found = await asyncio.wait_for(look(watch), timeout=10)
        assert (await batches.of(site)).status is BatchStatus.FAILED
        assert {alert.site for alert in found} == {site.slug, "other"}
        assert await count_ready(database, "other") == 0
    await look(watch)
    assert await count_ready(database, "other") == 1
