"""Reviews on the real server: they wait without a worker, and carry out what was decided."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from src.application.decisions import Decided
from src.application.review_watch import ReviewWatch
from src.application.reviews import ReviewDetails, get_review
from src.application.revisions import Revisions
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.colour import Colour
from src.domain.edit import TextEdit
from src.domain.ids import ArticleId
from src.domain.review import ChangeReason, DecisionKind, KeywordAfter, RejectReason, Verdict
from src.domain.site import ReviewRules, Site
from src.domain.stages import Stage
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids, policies
from src.infrastructure.temporal import worker as temporal_worker
from tests.applications import ANNA, an_application
from tests.eventually import eventually
from tests.replays import replayer

from .conftest import Batches, RunWorker, reported

NEEDS_REVIEW = ArticleStatus.NEEDS_REVIEW


@dataclass
class Desk:
    """One person, and the reviews of a site."""

    application: Application
    database: Database
    client: Client

    async def details(self, article_id: ArticleId) -> ReviewDetails:
        return await get_review(self.database, article_id, by=ANNA)

    async def decide(self, article_id: ArticleId, verdict: Verdict) -> Decided:
        text = (await self.details(article_id)).text
        return await self.application.decisions.decide(article_id, verdict, expected=text.content_hash)

    def review(self, article_id: ArticleId) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(ids.review(article_id))

    async def articles(self, site: Site) -> list[ArticleId]:
        async with self.database.unit_of_work() as uow:
            return [article.id for article in await uow.articles.list_all(site=site.slug)]

    async def until(self, article_id: ArticleId, status: ArticleStatus) -> None:
        async def has_it() -> bool:
            async with self.database.unit_of_work() as uow:
                return await uow.articles.get_status(article_id) is status

        await eventually(has_it, within=20)

    async def until_taken_up(self, article_id: ArticleId) -> None:
        async def are() -> bool:
            return all(each.taken_up_at for each in (await self.details(article_id)).decisions)

        await eventually(are, within=20)

    async def bought(self, article_id: ArticleId) -> Counter[tuple[int, Stage]]:
        async with self.database.unit_of_work() as uow:
            calls = await uow.model_calls.list_for_article(article_id)
        return Counter((call.revision, call.stage) for call in calls)

    async def end(self, article_ids: list[ArticleId]) -> None:
        """Let no review of this test look at the database again."""
        for article_id in article_ids:
            handle = self.review(article_id)
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                await handle.terminate()


@pytest.fixture
async def desk(application: Application, database: Database, client: Client) -> AsyncIterator[Desk]:
    made = Desk(application.acting_as(ANNA), database, client)
    yield made
    async with database.unit_of_work() as uow:
        articles = [article.id for article in await uow.articles.list_all(limit=1000)]
    await made.end(articles)


async def written(batches: Batches, desk: Desk, run_worker: RunWorker, count: int = 1, **rules: Any) -> list[ArticleId]:
    """Return articles that await a review, whose workflows wait without a worker."""
    site = await batches.site(keywords=count, review=ReviewRules.model_validate(rules))
    async with run_worker():
        assert (await reported(await batches.start(site))).needs_review == count
        article_ids = await desk.articles(site)
        for article_id in article_ids:
            await eventually(lambda article_id=article_id: _waits(desk, article_id))  # type: ignore[misc]
    return article_ids


async def _waits(desk: Desk, article_id: ArticleId) -> bool:
    """Return whether the review runs, and does nothing."""
    described = await desk.review(article_id).describe()
    is_running = described.status is WorkflowExecutionStatus.RUNNING
    return is_running and not described.raw_description.HasField("pending_workflow_task")


async def test_a_decision_without_a_worker_is_made_at_once_and_carried_out_by_the_next(
    batches: Batches, desk: Desk, run_worker: RunWorker
) -> None:
    """A flow that waits for approval is killed with its worker, and goes on from exactly there with another."""
    approved, rejected = await written(batches, desk, run_worker, 2)
    before = await desk.bought(approved)
    described = await desk.review(approved).describe()
    assert described.history_length == 1  # no task is due, and none was
    yes = await desk.decide(approved, Verdict.approve())
    no = await desk.decide(rejected, Verdict.reject(RejectReason.QUALITY, KeywordAfter.NEVER))
    assert (yes.status, yes.is_told, no.is_told) == (ArticleStatus.APPROVED, True, True)
    assert (await desk.details(approved)).decisions[0].taken_up_at is None
    async with run_worker():
        assert await desk.review(approved).result() == ArticleStatus.APPROVED
        assert await desk.review(rejected).result() == ArticleStatus.REJECTED
    assert (await desk.details(approved)).decisions[0].taken_up_at is not None
    assert await desk.bought(approved) == before == Counter({(1, stage): 1 for stage in Stage})
    for article_id in (approved, rejected):
        history = await desk.review(article_id).fetch_history()
        await replayer(*temporal_worker.WORKFLOWS).replay_workflow(history)


async def test_changes_are_made_from_the_stage_that_the_reason_names_and_reviewed_again(
    batches: Batches, desk: Desk, run_worker: RunWorker
) -> None:
    section, whole, plan, head = await written(batches, desk, run_worker, 4)
    first = {article_id: await desk.details(article_id) for article_id in (section, whole, plan, head)}
    second = first[section].text.content.sections[1].id
    wishes = {
        section: Verdict.request_changes(ChangeReason.TONE, note="friendlier", section=second),
        whole: Verdict.request_changes(ChangeReason.WORDING),
        plan: Verdict.request_changes(ChangeReason.STRUCTURE),
        head: Verdict.request_changes(ChangeReason.METADATA),
    }
    async with run_worker():
        for article_id, verdict in wishes.items():
            assert (await desk.decide(article_id, verdict)).status is ArticleStatus.CHANGES_REQUESTED
        for article_id in wishes:
            await desk.until(article_id, NEEDS_REVIEW)
        again = {article_id: await desk.details(article_id) for article_id in wishes}
    bought = {
        article_id: {stage for revision, stage in await desk.bought(article_id) if revision == 2}
        for article_id in wishes
    }
    assert bought == {
        section: {Stage.ARTICLE},
        whole: {Stage.ARTICLE, Stage.SEO_METADATA},
        plan: {Stage.OUTLINE, Stage.ARTICLE, Stage.SEO_METADATA},
        head: {Stage.SEO_METADATA},
    }
    for article_id, details in again.items():
        assert (details.text.number, details.text.parent, details.text.stage_revision) == (2, 1, 2)
        assert details.text.content_hash != first[article_id].text.content_hash
    old, new = first[section].text.content, again[section].text.content
    assert [a.id for a, b in zip(old.sections, new.sections, strict=True) if a != b] == [second]
    assert old.model_copy(update={"sections": ()}) == new.model_copy(update={"sections": ()})
    async with desk.database.unit_of_work() as uow:
        outputs = await uow.stage_outputs.list_for_article(section, 2)
    prompts = {each.stage: each.prompt for each in outputs}
    assert prompts[Stage.ARTICLE].endswith("+changes@1")
    assert not prompts[Stage.OUTLINE].endswith("+changes@1")
    history = await desk.review(section).fetch_history()
    await replayer(*temporal_worker.WORKFLOWS).replay_workflow(history)


async def test_changes_that_fail_go_on_with_the_reviewers_words_when_they_are_retried(
    batches: Batches, desk: Desk, run_worker: RunWorker, colour: Colour
) -> None:
    (article_id,) = await written(batches, desk, run_worker)
    details = await desk.details(article_id)
    async with run_worker(fail_keywords=(details.article.keyword,)):
        await desk.decide(article_id, Verdict.request_changes(ChangeReason.TONE))
        assert await desk.review(article_id).result() == ArticleStatus.FAILED
    async with run_worker():
        await desk.application.articles.retry(article_id, colour=colour)
        await desk.until(article_id, NEEDS_REVIEW)
        await eventually(lambda: _waits(desk, article_id))
        assert (await desk.decide(article_id, Verdict.approve())).is_told
        assert await desk.review(article_id).result() == ArticleStatus.APPROVED
    async with desk.database.unit_of_work() as uow:
        outputs = await uow.stage_outputs.list_for_article(article_id, 2)
    assert [each.prompt.endswith("+changes@1") for each in outputs] == [False, False, True, False]


async def test_a_persons_edit_survives_what_the_machine_makes_again(
    batches: Batches, desk: Desk, run_worker: RunWorker
) -> None:
    (article_id,) = await written(batches, desk, run_worker)
    text = (await desk.details(article_id)).text
    hers = text.content.sections[0].id
    edit = TextEdit.model_validate({"sections": {hers: {"text": "<p>Anna tested this herself.</p>"}}})
    edited = await Revisions(desk.database, by=ANNA).edit(article_id, edit, parent=text.content_hash)
    assert edited.status is NEEDS_REVIEW
    async with run_worker():
        await desk.decide(article_id, Verdict.request_changes(ChangeReason.TONE))
        await desk.until(article_id, NEEDS_REVIEW)
    details = await desk.details(article_id)
    assert (details.text.number, details.text.author, details.text.parent) == (3, None, 2)
    assert details.text.content.sections[0].html == "<p>Anna tested this herself.</p>"
    assert details.text.content.sections[1:] != text.content.sections[1:]


async def test_a_review_is_reminded_of_parked_and_restored(
    batches: Batches, desk: Desk, run_worker: RunWorker, colour: Colour
) -> None:
    (article_id,) = await written(batches, desk, run_worker, reminder="1s", expiry="3s")
    async with run_worker():
        await desk.until(article_id, ArticleStatus.PARKED)
        assert await desk.review(article_id).result() == ArticleStatus.PARKED
        assert (await desk.details(article_id)).review.reminded_at is not None
        assert (await desk.decide(article_id, Verdict.restore())).is_told is False  # its workflow has ended
        await watch(desk).look()
        await desk.until_taken_up(article_id)
        assert (await desk.decide(article_id, Verdict.approve())).is_told
        assert await desk.review(article_id).result() == ArticleStatus.APPROVED
    kinds = [each.kind for each in (await desk.details(article_id)).decisions]
    assert kinds == [DecisionKind.PARK, DecisionKind.RESTORE, DecisionKind.APPROVE]


def watch(desk: Desk) -> ReviewWatch:
    return ReviewWatch(desk.database, desk.application.workflows, patience=timedelta(0))


async def test_the_watchdog_starts_what_is_missing_and_says_who_waits(
    batches: Batches, desk: Desk, run_worker: RunWorker, colour: Colour
) -> None:
    gone, heard = await written(batches, desk, run_worker, 2)
    await desk.review(gone).terminate()
    await desk.decide(heard, Verdict.approve())
    async with desk.database.unit_of_work() as uow:
        await uow.reviews.set(gone, reminded_at=(await uow.reviews.lock(gone)).now)
    (alert,) = await watch(desk).look()
    assert (alert.subject, alert.kind) == (str(gone), "review_waiting")
    assert await watch(desk).look() == []
    async with run_worker():
        await desk.until_taken_up(heard)
        await eventually(lambda: _waits(desk, gone))
        assert (await desk.review(gone).describe()).status is WorkflowExecutionStatus.RUNNING
        await desk.decide(gone, Verdict.approve())
        assert await desk.review(gone).result() == ArticleStatus.APPROVED
        text = (await desk.details(gone)).text
        edit = TextEdit(title=f"{text.content.title}, again")
        edited = await Revisions(desk.database, by=ANNA).edit(gone, edit, parent=text.content_hash)
        assert edited.status is NEEDS_REVIEW  # nobody approved these bytes
        await watch(desk).look()
        await desk.until_taken_up(gone)
        assert (await desk.decide(gone, Verdict.approve())).is_told
        assert await desk.review(gone).result() == ArticleStatus.APPROVED


async def test_a_review_goes_on_at_the_other_colour_and_begins_new_histories(
    batches: Batches, desk: Desk, run_worker: RunWorker, colour: Colour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "REVIEW_HISTORY", 8)
    (article_id,) = await written(batches, desk, run_worker)
    workflows, site = desk.application.workflows, (await desk.details(article_id)).article.site
    first = (await desk.review(article_id).describe()).run_id
    other = Colour(f"other-{secrets.token_hex(4)}")
    async with run_worker():
        for _ in range(3):
            await workflows.begin_review(
                article_id, site=site, keyword="again", colour=colour, remind_after=timedelta(days=1)
            )
            await eventually(lambda: _waits(desk, article_id))
        later = (await desk.review(article_id).describe()).run_id
        assert later != first
        await eventually(lambda: desk.application.colours.hand_over_reviews(colour, to=other))

        async def is_over_there() -> bool:
            return (await desk.review(article_id).describe()).task_queue == ids.task_queue(other)

        await eventually(is_over_there)
    await desk.decide(article_id, Verdict.approve())
    settings = desk.application.settings
    green = an_application(desk.client, desk.database, who="green@here", settings=settings)
    from src.bootstrap import build_worker  # noqa: PLC0415
    from src.infrastructure.llm.providers import Providers  # noqa: PLC0415

    async with Providers(settings) as providers, build_worker(green, providers, colour=other, strict=True):
        assert await desk.review(article_id).result() == ArticleStatus.APPROVED
