"""What is under way goes on with another colour's workers: nothing is lost, and nothing is made or bought twice."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, time, timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError

from src.application.revisions import ensure_revision
from src.bootstrap import Application
from src.domain.article import Article, ArticleStatus
from src.domain.batch import BatchStatus, Trigger
from src.domain.colour import Colour
from src.domain.deployment import Canary, ColourWork, MovedWork, Routing, WorkKind, colour_for
from src.domain.hold import HoldDepth
from src.domain.ids import ArticleId
from src.domain.review import ChangeReason, Verdict
from src.domain.scheduling.schedule import Overlap, Schedule, When
from src.domain.scheduling.schedule_change import ScheduleChange
from src.domain.site import Site
from src.domain.stages import STAGES
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal.run_history import RunHistory
from src.infrastructure.temporal.workflows.site_batch import SiteBatchWorkflow
from tests.eventually import eventually
from tests.factories import longtails

from .conftest import Batches, RunWorker, reported
from .test_batch import articles_of, calls_of
from .test_batch_ends import ready

ALL = 4 * len(STAGES)


@pytest.fixture
def other(colour: Colour) -> Colour:
    return Colour(f"{colour}-next")


class Deployed:
    """The articles of one site on two colours."""

    def __init__(self, application: Application, client: Client, site: Site) -> None:
        self.application = application
        self.client = client
        self.site = site

    async def articles(self) -> list[Article]:
        return await articles_of(self.application.database, self.site.slug)

    async def have(self, number: int, status: ArticleStatus = ArticleStatus.GENERATING) -> None:
        async def has() -> bool:
            return [article.status for article in await self.articles()].count(status) >= number

        await eventually(has)

    async def queue_of(self, workflow_id: str) -> str:
        return (await self.client.get_workflow_handle(workflow_id).describe()).task_queue

    async def is_on(self, workflow_id: str, colour: Colour) -> None:
        async def is_on() -> bool:
            return await self.queue_of(workflow_id) == ids.task_queue(colour)

        await eventually(is_on)

    async def hand_over(self, colour: Colour, to: Colour, *, fast: bool = False) -> None:
        """Ask until somebody takes it: Temporal's lists lag behind."""
        await eventually(lambda: self.application.colours.hand_over_batches(colour, to=to))
        if fast:
            await eventually(lambda: self.application.colours.hand_over_articles(colour, to=to))

    async def colours_by_article(self) -> list[set[str | None]]:
        """Return the colours whose workers made each article."""
        database = self.application.database
        return [{call.colour for call in await calls_of(database, each)} for each in await self.articles()]

    async def calls(self) -> Counter[str]:
        """Count the calls of each article and stage."""
        made = [(article, await calls_of(self.application.database, article)) for article in await self.articles()]
        return Counter(f"{article.id} {call.stage}" for article, calls in made for call in calls)

    async def wait_at_a_stage(self) -> None:
        """Wait until each article under way is held before a stage."""

        async def are_held() -> bool:
            under_way = [each for each in await self.articles() if each.status is ArticleStatus.GENERATING]
            described = [await self.client.get_workflow_handle(ids.article(each.id)).describe() for each in under_way]
            return not any(each.raw_description.pending_activities for each in described)

        await eventually(are_held)

    async def is_sound(self) -> None:
        """Check that each article was made once."""
        articles = await self.articles()
        assert {article.status for article in articles} == {ArticleStatus.NEEDS_REVIEW}
        assert set((await self.calls()).values()) == {1}
        assert await ready(self.application.database, self.site) == 0


@pytest.fixture
async def deployed(batches: Batches, application: Application, client: Client) -> Deployed:
    return Deployed(application, client, await batches.site(keywords=4))


async def test_a_batch_goes_on_at_the_other_colour_and_what_it_had_begun_ends_at_its_own(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    async with run_worker(latency=0.5, model_slots=2), run_worker(on=other, model_slots=2):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        await deployed.hand_over(colour, other)
        report = await reported(handle)
        assert await deployed.queue_of(handle.id) == ids.task_queue(other)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, ALL)
    await deployed.is_sound()
    colours = await deployed.colours_by_article()
    assert all(len(found) == 1 for found in colours)  # each by one colour
    assert Counter(colour for found in colours for colour in found) == {colour: 2, other: 2}
    batch = await batches.of(deployed.site)
    assert batch.colour == other


async def test_articles_go_on_at_their_next_stage_if_they_are_asked(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    async with run_worker(latency=1, model_slots=4), run_worker(on=other, model_slots=4):
        handle = await batches.start(deployed.site)
        await deployed.have(4)
        await deployed.hand_over(colour, other, fast=True)
        for article in await deployed.articles():
            await deployed.is_on(ids.article(article.id), other)
        report = await reported(handle)
    assert (report.needs_review, report.calls) == (4, ALL)
    await deployed.is_sound()
    assert all(found == {colour, other} for found in await deployed.colours_by_article())


async def test_two_hand_overs_in_a_row_and_back_lose_nothing(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    async with run_worker(latency=0.6, model_slots=2), run_worker(on=other, latency=0.6, model_slots=2):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        await deployed.hand_over(colour, other, fast=True)
        await deployed.is_on(handle.id, other)
        await deployed.hand_over(other, colour)
        await deployed.is_on(handle.id, colour)
        report = await reported(handle)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, ALL)
    await deployed.is_sound()


async def test_shards_return_and_their_batch_goes_on(
    batches: Batches,
    deployed: Deployed,
    run_worker: RunWorker,
    colour: Colour,
    other: Colour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 2)
    async with run_worker(latency=0.5, model_slots=2), run_worker(on=other, latency=0.1, model_slots=2):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        await deployed.hand_over(colour, other)
        report = await reported(handle)
        assert await deployed.queue_of(handle.id) == ids.task_queue(other)
        assert await deployed.queue_of(ids.shard(handle.id, 2)) == ids.task_queue(other)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, ALL)
    await deployed.is_sound()


async def test_the_breaker_counts_on_and_what_failed_is_not_tried_again(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    failing = {"fail_keywords": tuple(longtail.phrase for longtail in longtails(4)[:3]), "latency": 0.3}
    async with run_worker(model_slots=1, **failing), run_worker(on=other, model_slots=1, **failing):
        handle = await batches.start(deployed.site)
        await deployed.have(1, ArticleStatus.FAILED)
        await deployed.hand_over(colour, other)
        report = await reported(handle)
    assert (report.status, report.failed, report.cancelled) == (BatchStatus.STOPPED, 3, 1)
    assert max((await deployed.calls()).values()) == 1


async def test_a_held_article_and_a_held_batch_go_on_and_wait_there(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    holds = deployed.application.holds
    async with run_worker(latency=0.5, model_slots=2), run_worker(on=other, model_slots=4):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        await holds.set(deployed.site.slug, depth=HoldDepth.STAGES, note="deploying")
        await deployed.wait_at_a_stage()
        bought = await deployed.calls()
        # As somebody asks who takes another's request back: an article that is held stays so.
        await eventually(lambda: deployed.application.colours.hand_over_articles(colour, to=colour))
        await deployed.hand_over(colour, other, fast=True)
        await deployed.is_on(handle.id, other)
        under_way = [each for each in await deployed.articles() if each.status is ArticleStatus.GENERATING]
        for article in under_way:
            await deployed.is_on(ids.article(article.id), other)
        assert await deployed.calls() == bought
        assert {each.status for each in await deployed.articles()} <= {ArticleStatus.GENERATING, ArticleStatus.QUEUED}
        await holds.release(deployed.site.slug)
        report = await reported(handle)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, ALL)
    await deployed.is_sound()


async def test_a_cancelled_batch_that_was_handed_over_cancels_what_it_joined(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    async with run_worker(latency=600, model_slots=2), run_worker(on=other, model_slots=2):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        found = await batches.of(deployed.site)
        await deployed.hand_over(colour, other)
        await deployed.is_on(handle.id, other)
        # Asked with the run that had it before, as somebody does who has just looked.
        assert await deployed.application.workflows.cancel_batch(found.workflow_id, found.run_id)
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    batch = await batches.of(deployed.site)
    assert (batch.status, batch.cancelled, batch.under_way) == (BatchStatus.CANCELLED, 4, 0)
    assert await ready(deployed.application.database, deployed.site) == 4


async def test_a_canary_gets_its_share_and_articles_follow_a_change(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    canary = Canary(colour=other, share=50)
    async with deployed.application.database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=colour, canary=canary), by="test")
    async with run_worker(latency=0.05), run_worker(on=other, latency=0.05):
        await reported(await batches.start(deployed.site))
    await deployed.is_sound()
    for article in await deployed.articles():
        expected = colour_for(article.id, home=colour, canary=canary)
        assert await deployed.queue_of(ids.article(article.id)) == ids.task_queue(expected)


async def test_a_canary_that_is_taken_back_gets_nothing_more(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    database = deployed.application.database
    async with database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=colour, canary=Canary(colour=other, share=99)), by="test")
    async with run_worker(model_slots=1), run_worker(on=other, latency=0.3, model_slots=1):
        handle = await batches.start(deployed.site)
        await deployed.have(1)
        async with database.unit_of_work() as uow:
            await uow.routing.change(Routing(active=colour), by="test")
            routing, running = await uow.routing.read(), await uow.batches.list_running()
        assert await deployed.application.colours.tell_routing(running, routing) == 1
        await reported(handle)
    await deployed.is_sound()
    colours = Counter(colour for found in await deployed.colours_by_article() for colour in found)
    assert colours[colour] >= 2  # those that began afterwards


async def test_a_batch_of_a_schedule_that_is_handed_over_still_runs_to_its_policy(
    deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    """A second slot waits in the schedule's queue until the batch ends, which another run does than began."""
    slug, application = deployed.site.slug, deployed.application
    hourly = Schedule(when=When(times=(time(6, 0),)), time_zone="UTC", overlap=Overlap.BUFFER_ALL, articles=2)
    await application.schedules.set(slug, ScheduleChange.replacing(hourly), colour=colour)
    async with run_worker(latency=0.8, model_slots=1), run_worker(on=other, latency=0.3, model_slots=2):
        await application.schedules.trigger(slug)
        await deployed.have(1)
        await deployed.hand_over(colour, other)
        async with application.database.unit_of_work() as uow:
            (batch,) = await uow.batches.list_all(site=slug)
        passed = datetime.now(UTC) - batch.slot
        await asyncio.sleep(1.1 - min(passed.total_seconds(), 1.1))  # a slot is a second: this is another one
        await application.schedules.trigger(slug)
        assert (await application.schedules.get(slug)).running == 1

        async def have_ended() -> bool:
            async with application.database.unit_of_work() as uow:
                found = await uow.batches.list_all(site=slug)
            return len(found) == 2 and all(batch.closed_at for batch in found)

        await eventually(have_ended)
    async with application.database.unit_of_work() as uow:
        second, first = await uow.batches.list_all(site=slug)
    assert first.closed_at is not None
    assert second.opened_at >= first.closed_at
    assert (first.trigger, first.colour, first.needs_review) == (Trigger.SCHEDULE, other, 2)
    assert (second.colour, second.needs_review) == (colour, 2)
    await deployed.is_sound()
    history = RunHistory(deployed.client)
    runs = await eventually(lambda: history.list_scheduled_runs(slug, first.opened_at - timedelta(minutes=1)))
    assert [(run.slot, run.ended_as) for run in sorted(runs, key=lambda run: run.slot)] == [
        (first.slot, "completed"),
        (second.slot, "completed"),
    ]
    await application.schedules.remove(slug)


async def test_a_schedule_pauses_itself_when_a_handed_over_batch_fails(
    deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    slug, application = deployed.site.slug, deployed.application
    daily = Schedule(when=When(times=(time(6, 0),)), time_zone="UTC", articles=2, pause_on_failure=True)
    await application.schedules.set(slug, ScheduleChange.replacing(daily), colour=colour)
    failing = {"fail_keywords": tuple(longtail.phrase for longtail in longtails(4)), "latency": 0.5}
    async with run_worker(model_slots=1, **failing), run_worker(on=other, model_slots=1, **failing):
        await application.schedules.trigger(slug)
        await deployed.have(1)
        await deployed.hand_over(colour, other)

        async def is_paused() -> bool:
            observed = await application.schedules.get(slug)
            return bool(observed.differs)

        await eventually(is_paused)
    await application.schedules.remove(slug)


async def test_work_that_is_stuck_on_a_colour_without_workers_is_moved(
    batches: Batches,
    deployed: Deployed,
    run_worker: RunWorker,
    colour: Colour,
    other: Colour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policies, "SHARD_SIZE", 2)
    colours = deployed.application.colours
    async with run_worker(latency=0.5, model_slots=2):
        handle = await batches.start(deployed.site)
        await deployed.have(2)
        await eventually(lambda: _lists(deployed, colour))
    async with deployed.application.database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=other), by="test")
    async with run_worker(on=other, model_slots=4):
        moved = await colours.move_stuck(colour, to=other, holds={})
        assert (moved.batches, moved.articles) == (1, 2)
        report = await reported(deployed.client.get_workflow_handle_for(SiteBatchWorkflow.run, handle.id))
        again = await colours.move_stuck(colour, to=other, holds={})
    assert again == MovedWork()
    assert (report.status, report.needs_review) == (BatchStatus.COMPLETED, 4)
    articles = await deployed.articles()
    assert {article.status for article in articles} == {ArticleStatus.NEEDS_REVIEW}
    assert len(articles) == 4
    assert await ready(deployed.application.database, deployed.site) == 0


async def test_an_article_that_is_moved_under_a_living_batch_is_waited_for(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    """As of a canary whose colour is lost."""
    async with deployed.application.database.unit_of_work() as uow:
        await uow.routing.change(Routing(active=colour, canary=Canary(colour=other, share=99)), by="test")
    colours = deployed.application.colours
    async with run_worker(model_slots=4):
        handle = await batches.start(deployed.site)
        described = await eventually(lambda: _lists(deployed, other))
        moved = await colours.move_stuck(other, to=colour, holds={})
        assert moved.articles == described
        report = await reported(handle)
    assert (report.status, report.needs_review, report.calls) == (BatchStatus.COMPLETED, 4, ALL)
    await deployed.is_sound()


async def _queue(deployed: Deployed, article_id: ArticleId) -> str | None:
    try:
        described = await deployed.client.get_workflow_handle(ids.article(article_id)).describe()
    except RPCError:  # it has not begun
        return None
    return described.task_queue if described.status is WorkflowExecutionStatus.RUNNING else None


async def _lists(deployed: Deployed, colour: Colour) -> int:
    """Wait until Temporal's list has all that is under way; return the articles on the colour."""
    described = await deployed.application.colours.describe_colour(colour)
    articles = [each.id for each in await deployed.articles()]
    queues = [await _queue(deployed, article_id) for article_id in articles]
    number = queues.count(ids.task_queue(colour))
    return number if described.articles is not None and len(described.articles) == number else 0


async def test_a_review_goes_on_elsewhere_though_it_waits_for_its_article(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    application = deployed.application
    async with run_worker():
        await reported(await batches.start(deployed.site, limit=1))
    (article,) = await deployed.articles()
    review = ids.review(article.id)
    text = await ensure_revision(application.database, article.id)
    async with run_worker(latency=1.5), run_worker(on=other):
        change = Verdict.request_changes(ChangeReason.TONE, note="warmer", section=text.content.sections[0].id)
        await application.decisions.decide(article.id, change, expected=text.content_hash)
        await deployed.have(1)
        await deployed.is_on(ids.article(article.id), colour)
        await eventually(lambda: application.colours.hand_over_reviews(colour, to=other))
        await deployed.is_on(review, other)
        (generating,) = await deployed.articles()
        assert generating.status is ArticleStatus.GENERATING  # at its own colour
        await deployed.have(1, ArticleStatus.NEEDS_REVIEW)
        again = await ensure_revision(application.database, article.id)
        assert again.number == text.number + 1
        await application.decisions.decide(article.id, Verdict.approve(), expected=again.content_hash)
        assert await deployed.client.get_workflow_handle(review).result() == ArticleStatus.APPROVED


async def test_reviews_whose_first_task_is_still_to_come_go_on_elsewhere(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour, other: Colour
) -> None:
    colours = deployed.application.colours
    async with run_worker():
        await reported(await batches.start(deployed.site))
        articles = [article.id for article in await deployed.articles()]
        for article_id in articles:
            described = await deployed.client.get_workflow_handle(ids.review(article_id)).describe()
            assert described.history_length == 1  # nobody has looked at it
        told: set[str] = set()

        async def all_are_told() -> bool:
            told.update(await colours.hand_over_reviews(colour, to=other, told=told))
            return len(told) == len(articles)

        await eventually(all_are_told)
        for article_id in articles:
            await deployed.is_on(ids.review(article_id), other)
        await eventually(lambda: _is_empty(deployed, colour))
    async with run_worker(on=other):
        for article_id in articles:
            text = await ensure_revision(deployed.application.database, article_id)
            await deployed.application.decisions.decide(article_id, Verdict.approve(), expected=text.content_hash)
        for article_id in articles:
            handle = deployed.client.get_workflow_handle(ids.review(article_id))
            assert await handle.result() == ArticleStatus.APPROVED


async def _is_empty(deployed: Deployed, colour: Colour) -> bool:
    return (await deployed.application.colours.describe_colour(colour)).is_empty


async def test_a_colour_says_what_it_has_to_do(
    batches: Batches, deployed: Deployed, run_worker: RunWorker, colour: Colour
) -> None:
    colours = deployed.application.colours
    nothing = await colours.describe_colour(colour)
    assert nothing.is_empty
    assert nothing.workflows is not None
    assert nothing.workflows.pollers == ()
    handle = await batches.start(deployed.site)

    async def waits() -> bool:
        described = await colours.describe_colour(colour)
        return described.workflows is not None and described.workflows.backlog > 0 and bool(described.open)

    await eventually(waits)
    async with run_worker(latency=1):
        await deployed.have(4)

        async def is_listed() -> ColourWork | None:
            described = await colours.describe_colour(colour)
            return described if described.articles and len(described.articles) == 4 else None

        described = await eventually(is_listed)
        assert described is not None
        assert described.open is not None
        assert {each.kind: each.count for each in described.open} == {WorkKind.ARTICLE: 4, WorkKind.BATCH: 1}
        for queue in (described.workflows, described.activities):
            assert queue is not None
            assert any(poller.identity.startswith(f"{colour}@") for poller in queue.pollers)
        await handle.result()
