"""Publications on the real server: they wait to be undone, outlive their worker, and go out once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from src.application.decisions import Decisions
from src.application.publication_watch import PublicationWatch
from src.application.publishing import Publishing, list_publications
from src.bootstrap import Application, register_worker
from src.domain.article import ArticleStatus
from src.domain.colour import Colour
from src.domain.publishing import PublicationStatus
from src.domain.review import Verdict, WithdrawReason
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids
from src.infrastructure.temporal import worker as temporal_worker
from src.infrastructure.temporal.messages import HandOver
from src.infrastructure.temporal.workflows.publish import PublishWorkflow
from src.settings import Settings
from tests.applications import an_application
from tests.eventually import eventually
from tests.integration.api.away import Away
from tests.publications import ApprovedArticle, PublishedFolder, approved_articles, set_rules
from tests.replays import replayer

from .conftest import RunWorker


@pytest.fixture
def folder(tmp_path: Path) -> PublishedFolder:
    return PublishedFolder(tmp_path)


@pytest.fixture
def mine(client: Client, database: Database, settings: Settings, folder: PublishedFolder) -> Application:
    return an_application(
        client, database, who="petra", settings=settings.model_copy(update={"publish_folder": folder.root})
    )


@pytest.fixture
def publishing(mine: Application) -> Publishing:
    return mine.publishing


async def until(database: Database, article: ApprovedArticle, *statuses: PublicationStatus) -> None:
    async def look() -> bool:
        found = await list_publications(database, article_id=article.article_id)
        return [each.status for each in found] == list(statuses)

    await eventually(look)


async def ended(client: Client, article: ApprovedArticle) -> None:
    """Wait for the workflow's end; what it did is replayed in the sandbox."""
    handle = client.get_workflow_handle(ids.publish(article.article_id))
    await handle.result()
    await replayer(*temporal_worker.WORKFLOWS).replay_workflow(await handle.fetch_history())


async def status_of(client: Client, article: ApprovedArticle) -> WorkflowExecutionStatus | None:
    return (await client.get_workflow_handle(ids.publish(article.article_id)).describe()).status


async def test_a_publication_waits_to_be_undone_then_goes_out_and_is_taken_off_with_its_approval(
    database: Database,
    client: Client,
    run_worker: RunWorker,
    publishing: Publishing,
    mine: Application,
    folder: PublishedFolder,
    colour: Colour,
) -> None:
    one, other = await approved_articles(database, 2, undo="1s")
    async with run_worker(publish_folder=folder.root):
        for each in (one, other):
            requested = await publishing.publish(each.article_id, colour=colour)
            assert requested.publication.status is PublicationStatus.SCHEDULED
        assert not folder.path.exists()
        for each in (one, other):
            await until(database, each, PublicationStatus.VERIFIED)
            await ended(client, each)
        assert len(folder.pages) == 2
        assert folder.is_consistent()

        await publishing.take_off(one.article_id, colour=colour)
        await until(database, one, PublicationStatus.TAKEN_OFF)
        await ended(client, one)
        assert len(folder.pages) == 1
        assert folder.is_consistent()

    # A withdrawal needs no worker; with none, the next one's watchdog starts what takes the page off.
    await mine.decisions.decide(other.article_id, Verdict.withdraw(WithdrawReason.ERROR))
    await until(database, other, PublicationStatus.TAKING_OFF)
    await mine.workflows.start_publishing(other.article_id, site="hardware-shop", colour=colour)
    async with run_worker(publish_folder=folder.root):
        await ended(client, other)
    await until(database, other, PublicationStatus.TAKEN_OFF)
    assert (folder.pages, folder.is_consistent()) == ({}, True)


async def test_what_is_undone_while_no_worker_lives_is_nowhere(
    database: Database,
    client: Client,
    run_worker: RunWorker,
    publishing: Publishing,
    folder: PublishedFolder,
    colour: Colour,
) -> None:
    undone, kept = await approved_articles(database, 2, undo="1h")
    async with run_worker(publish_folder=folder.root):
        await publishing.publish(undone.article_id, colour=colour)
        await publishing.publish(kept.article_id, colour=colour)

        async def waits() -> bool:
            handle = client.get_workflow_handle(ids.publish(kept.article_id))
            return "can be undone" in str(await handle.query("__temporal_workflow_metadata"))

        await eventually(waits)
    await publishing.undo(undone.article_id)
    await publishing.undo(kept.article_id)
    await set_rules(database, undo="0s")
    await publishing.publish(kept.article_id, colour=colour)  # while the workflow of the first attempt still runs
    assert await status_of(client, kept) is WorkflowExecutionStatus.RUNNING
    async with run_worker(publish_folder=folder.root):
        await ended(client, undone)
        await ended(client, kept)
    await until(database, undone, PublicationStatus.UNDONE)
    await until(database, kept, PublicationStatus.VERIFIED, PublicationStatus.UNDONE)
    assert len(folder.pages) == 1
    assert folder.is_consistent()


async def test_what_is_approved_goes_out_by_the_sites_rule_whether_temporal_was_told_or_not(
    database: Database,
    client: Client,
    run_worker: RunWorker,
    mine: Application,
    folder: PublishedFolder,
    colour: Colour,
) -> None:
    told, untold = await approved_articles(database, 2, on_approval="now")
    for each in (told, untold):
        await mine.decisions.decide(each.article_id, Verdict.withdraw(WithdrawReason.MISTAKE))
        await mine.decisions.decide(each.article_id, Verdict.restore())
    away = Decisions(database, Away(), by=mine.principal)  # type: ignore[arg-type]
    decided = await away.decide(untold.article_id, Verdict.approve(), expected=untold.content_hash)
    assert (decided.status, decided.is_told) == (ArticleStatus.APPROVED, False)
    await register_worker(mine, colour=colour).register()  # so that the review and the publication go to it
    async with run_worker(publish_folder=folder.root):
        decided = await mine.decisions.decide(told.article_id, Verdict.approve(), expected=told.content_hash)
        assert decided.publication is not None
        assert decided.is_told
        await PublicationWatch(database, mine.workflows, patience=timedelta(0)).look()
        for each in (told, untold):
            await until(database, each, PublicationStatus.VERIFIED)
            await ended(client, each)
    assert len(folder.pages) == 2
    assert all("Reviewed by petra" in page for page in folder.pages.values())
    assert folder.is_consistent()


async def test_a_publication_that_waits_is_handed_over_to_the_other_colour(
    database: Database,
    client: Client,
    run_worker: RunWorker,
    publishing: Publishing,
    folder: PublishedFolder,
    colour: Colour,
) -> None:
    (article,) = await approved_articles(database, undo="2s")
    elsewhere = Colour(f"{colour}-old")
    requested = await publishing.publish(article.article_id, colour=elsewhere)
    assert requested.publication.due_at > datetime.now(UTC)
    handle = client.get_workflow_handle(ids.publish(article.article_id))
    await handle.signal(PublishWorkflow.hand_over, HandOver(colour=colour))
    async with run_worker(publish_folder=folder.root), run_worker(on=elsewhere, publish_folder=folder.root):
        await ended(client, article)
    await until(database, article, PublicationStatus.VERIFIED)
    assert folder.is_consistent()
