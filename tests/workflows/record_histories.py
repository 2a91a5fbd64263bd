"""Records the histories that later versions have to replay: ``python -m tests.workflows.record_histories VERSION``.

Run it once for a release. Histories are never recorded again to make a test pass.
"""

import asyncio
import re
import sys
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from src.application.publishing import Publishing
from src.application.revisions import ensure_revision
from src.bootstrap import build_watch_worker, build_worker, open_local_servers
from src.bootstrap.worker import open_limits, own_calls, register_worker
from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import BLUE, GREEN, Colour
from src.domain.hold import HoldDepth
from src.domain.ids import ArticleId
from src.domain.review import ChangeReason, Verdict
from src.domain.scheduling.schedule import Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.site import ReviewRules
from src.infrastructure.database import schema
from src.infrastructure.database.engine import create_engine
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import client as temporal_client
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal.messages import ReviewInput, SiteBatchInput
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from src.infrastructure.temporal.workflows.watchdog import WatchdogWorkflow
from src.settings import OfflineSettings, Settings
from tests.applications import an_application
from tests.eventually import eventually
from tests.factories import PHRASES, a_site, longtails
from tests.publications import approved_articles

from .conftest import BatchHandle

HISTORIES = Path(__file__).parent / "histories"
COLOUR, OTHER = BLUE, GREEN
FAILING = (PHRASES[1], *PHRASES[4:])  # one of the first few, and the last four


async def record(version: str, home: Path, url: str, address: str) -> None:
    """Run one batch of each kind, an ordinary one first; keep their histories."""
    client = await temporal_client.connect(address)
    database = Database(create_engine(url, pool_size=8))
    await schema.upgrade(database.engine)
    settings = Settings.model_construct(
        home=home, model_slots=4, fail_keywords=FAILING, offline=OfflineSettings(latency_seconds=0.2)
    )
    async with Providers(settings) as providers:
        application = an_application(client, database, who="recorder", settings=settings)
        owner = own_calls(application, register_worker(application, colour=COLOUR), open_limits(application))
        worker = build_worker(application, providers, colour=COLOUR, owner=owner, strict=True)
        async with worker, build_watch_worker(application, owner=owner, strict=True):
            await _ordinary(version, client, database)
            await _cancelled(version, client, database)
            await _held(version, client, database)
            await _joined(version, client, database)
            await _stopped(version, client, database)
            async with build_worker(application, providers, colour=OTHER, strict=True):
                await _handed_over(version, client, database)
            await _reviewed(version, client, database)
            await _published(version, client, database, application.publishing)
            await _schedules(version, client, database)
            policies.SHARD_SIZE = 2
            await _sharded(version, client, database)
    await database.close()


async def _ordinary(version: str, client: Client, database: Database) -> None:
    await _keep(client, await _batch(client, database, "ordinary", 3), f"{version}-batch")
    async with database.unit_of_work() as uow:
        articles = await uow.articles.list_all(site="ordinary")
    for status in (ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED):
        article = next(article for article in articles if article.status is status)
        await _keep(client, ids.article(article.id), f"{version}-article-{status}")


async def _sharded(version: str, client: Client, database: Database) -> None:
    workflow_id = await _batch(client, database, "sharded", 5)
    await _keep(client, workflow_id, f"{version}-batch-in-shards")
    await _keep(client, f"{workflow_id}/articles-0", f"{version}-shard")


async def _cancelled(version: str, client: Client, database: Database) -> None:
    workflow_id = await _batch(client, database, "cancelled", 3, cancel=True)
    await _keep(client, workflow_id, f"{version}-batch-cancelled")
    article_id: ArticleId | None = None
    async with database.unit_of_work() as uow:
        for article in await uow.articles.list_all(site="cancelled"):
            if article.spend.calls:
                article_id = article.id
    if article_id:
        await _keep(client, ids.article(article_id), f"{version}-article-cancelled")


async def _held(version: str, client: Client, database: Database) -> None:
    """A batch that is held at its calls after it began, and then released."""
    slug, slot = await _site(database, "held", 2), datetime.now(UTC).replace(microsecond=0)
    holds = an_application(client, database, who="recorder").holds
    handle = await _start(client, slug, slot)
    await eventually(lambda: _calls(database, slug))
    await holds.set(slug, depth=HoldDepth.STAGES, note="recorded")
    await holds.release(slug)
    await handle.result()
    await _keep(client, handle.id, f"{version}-batch-held")


async def _joined(version: str, client: Client, database: Database) -> None:
    """A batch whose first run was terminated while its articles ran."""
    slug, slot = await _site(database, "joined", 3), datetime.now(UTC).replace(microsecond=0)
    first = await _start(client, slug, slot)
    await eventually(lambda: _calls(database, slug))
    await first.terminate()
    second = await _start(client, slug, slot)
    await second.result()
    await _keep(client, second.id, f"{version}-batch-joined")


async def _stopped(version: str, client: Client, database: Database) -> None:
    """A batch whose first three articles fail alike."""
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug="stopped"))
        await uow.longtails.add("stopped", [*longtails(8)[4:], *longtails(4)], source="record")
    handle = await _start(client, "stopped", datetime.now(UTC).replace(microsecond=0))
    report = await handle.result()
    assert report is not None
    assert report.status is BatchStatus.STOPPED, report
    await _keep(client, handle.id, f"{version}-batch-stopped")


async def _handed_over(version: str, client: Client, database: Database) -> None:
    """A batch with its article and a review that go on at another colour."""
    colours = an_application(client, database, who="recorder").colours
    slug, slot = await _site(database, "handed-over", 2), datetime.now(UTC).replace(microsecond=0)
    handle = await _start(client, slug, slot)
    await eventually(lambda: _calls(database, slug))
    async with database.unit_of_work() as uow:
        article_id = next(each.id for each in await uow.articles.list_all(site=slug) if each.spend.calls)
    article = client.get_workflow_handle(ids.article(article_id))
    first_runs = [(await each.describe()).run_id for each in (handle, article)]
    await eventually(lambda: colours.hand_over_batches(COLOUR, to=OTHER))
    await eventually(lambda: colours.hand_over_articles(COLOUR, to=OTHER))
    await handle.result()
    await article.result()
    for each, first, name in zip((handle, article), first_runs, ("batch", "article"), strict=True):
        await _keep(client, each.id, f"{version}-{name}-passed-on", run_id=first)
        await _keep(client, each.id, f"{version}-{name}-taken-over")
    review = client.get_workflow_handle(ids.review(article_id))
    first = (await review.describe()).run_id
    await review.signal("text_is_ready")
    await client.start_workflow(
        ids.REVIEW_WORKFLOW,
        ReviewInput(article_id=article_id, site=slug, keyword="recorded"),
        id=review.id,
        task_queue=ids.task_queue(COLOUR),
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="hand_over",
        start_signal_args=[OTHER],
    )
    await eventually(lambda: _is_on(review, OTHER))
    await _keep(client, review.id, f"{version}-review-passed-on", run_id=first)


async def _is_on(handle: WorkflowHandle[Any, Any], colour: Colour) -> bool:
    return (await handle.describe()).task_queue == ids.task_queue(colour)


async def _reviewed(version: str, client: Client, database: Database) -> None:
    """A review that asks for changes of one section and approves, and one that nobody makes."""
    slug = await _batch_with(client, database, "reviewed", ReviewRules(reminder=timedelta(hours=1)))
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all(site=slug)
    review = client.get_workflow_handle(ids.review(article.id))
    decisions = an_application(client, database, who="recorder").decisions
    text = await ensure_revision(database, article.id)
    change = Verdict.request_changes(ChangeReason.TONE, note="recorded", section=text.content.sections[0].id)
    await decisions.decide(article.id, change, expected=text.content_hash)
    await eventually(lambda: _has_texts(database, article.id, 2))
    await review.signal("text_is_ready")
    again = await ensure_revision(database, article.id)
    await decisions.decide(article.id, Verdict.approve(), expected=again.content_hash)
    await review.result()
    await _keep(client, review.id, f"{version}-review-approved")
    await _keep(client, ids.article(article.id), f"{version}-article-changed")

    rules = ReviewRules(reminder=timedelta(seconds=1), expiry=timedelta(seconds=2))
    slug = await _batch_with(client, database, "expired", rules)
    async with database.unit_of_work() as uow:
        (article,) = await uow.articles.list_all(site=slug)
    review = client.get_workflow_handle(ids.review(article.id))
    await review.result()
    await _keep(client, review.id, f"{version}-review-parked")


async def _batch_with(client: Client, database: Database, slug: str, rules: ReviewRules) -> str:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug, review=rules))
        await uow.longtails.add(slug, longtails(1), source="record")
    await (await _start(client, slug, datetime.now(UTC).replace(microsecond=0))).result()
    return slug


async def _has_texts(database: Database, article_id: ArticleId, number: int) -> bool:
    async with database.unit_of_work() as uow:
        found = await uow.revisions.list_for_article(article_id)
        return len(found) >= number and await uow.articles.get_status(article_id) is ArticleStatus.NEEDS_REVIEW


async def _schedules(version: str, client: Client, database: Database) -> None:
    """A look of the watchdog, and a pause that ends by itself."""
    await client.execute_workflow(WatchdogWorkflow.run, id="watchdog-recorded", task_queue=ids.WATCH_QUEUE)
    await _keep(client, "watchdog-recorded", f"{version}-watchdog")
    slug = await _site(database, "paused", 1)
    schedules = an_application(client, database, who="recorder").schedules
    daily = Schedule(when=When(times=(time(6, 0),)), time_zone="UTC")
    await schedules.set(slug, ScheduleChange.replacing(daily), colour=COLOUR)
    await schedules.pause(slug, note="recorded", until=datetime.now(UTC) + timedelta(seconds=2))
    await client.get_workflow_handle(ids.schedule_resume(slug)).result()
    await _keep(client, ids.schedule_resume(slug), f"{version}-schedule-resume")


async def _published(version: str, client: Client, database: Database, publishing: Publishing) -> None:
    """A publication that is undone while it waits, one that goes out, and one that is taken off."""
    (article,) = await approved_articles(database, undo="2s")
    handle = client.get_workflow_handle(ids.publish(article.article_id))
    await publishing.publish(article.article_id, colour=COLOUR)
    await publishing.undo(article.article_id)
    await publishing.publish(article.article_id, colour=COLOUR)
    await handle.result()
    await _keep(client, handle.id, f"{version}-publish")
    await publishing.take_off(article.article_id, colour=COLOUR)
    await handle.result()
    await _keep(client, handle.id, f"{version}-publish-taken-off")


async def _site(database: Database, slug: str, keywords: int) -> str:
    async with database.unit_of_work() as uow:
        await uow.sites.upsert(a_site(slug=slug))
        await uow.longtails.add(slug, longtails(keywords), source="record")
    return slug


async def _calls(database: Database, slug: str) -> int:
    async with database.unit_of_work() as uow:
        return sum(article.spend.calls for article in await uow.articles.list_all(site=slug))


async def _batch(client: Client, database: Database, slug: str, keywords: int, *, cancel: bool = False) -> str:
    await _site(database, slug, keywords)
    handle = await _start(client, slug, datetime.now(UTC).replace(microsecond=0))
    if cancel:
        await eventually(lambda: _calls(database, slug))
        await handle.cancel()
    try:
        await handle.result()
    except WorkflowFailureError:
        if not cancel:
            raise
    return handle.id


async def _start(client: Client, slug: str, slot: datetime) -> BatchHandle:
    return await client.start_workflow(
        SiteBatchWorkflow.run,
        SiteBatchInput(site=slug, slot=slot),
        id=ids.batch_run(slug, slot),
        task_queue=ids.task_queue(COLOUR),
    )


async def _keep(client: Client, workflow_id: str, name: str, *, run_id: str | None = None) -> None:
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    file = HISTORIES / f"{name}.json"
    file.write_text(_without_traces(history.to_json()), encoding="utf-8")
    print(f"{file.name}: {len(history.events)} events")  # noqa: T201 - a script's report


def _without_traces(history: str) -> str:
    """Leave out what only the recording machine means: stack traces."""
    return re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history) + "\n"


def main() -> None:
    """Start throw-away engines and record."""
    with tempfile.TemporaryDirectory(prefix="test-longtail-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        with open_local_servers(home, durable=False) as servers:
            assert servers.temporal is not None
            asyncio.run(record(sys.argv[1], home, servers.database_url, servers.temporal.address))


if __name__ == "__main__":
    main()
