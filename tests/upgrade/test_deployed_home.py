"""The last landing before colours: its reviews, publications and pauses go on, and can be moved to another colour."""

from collections import Counter
from pathlib import Path

import pytest

from src.application.reviews import get_review
from src.bootstrap import Application, build_worker, register_worker
from src.bootstrap.worker import open_limits, own_calls
from src.domain.article import Article, ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.colour import BLUE, GREEN
from src.domain.review import DecisionKind
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus
from src.infrastructure.llm.providers import Providers
from src.infrastructure.temporal import ids
from tests.applications import ANNA
from tests.eventually import eventually

from .homes import BEFORE_COLOURS
from .test_home_goes_on import Home, home

__all__ = ["home"]


@pytest.mark.parametrize("home", [BEFORE_COLOURS], indirect=True, ids=[BEFORE_COLOURS.name])
async def test_what_waited_goes_on(home: Home) -> None:
    application = home.application
    decided = await _by_last_decision(home)
    assert await application.schedules.move_resumes() == 1
    pausing = await application.client.get_workflow_handle("resume/pause-shop").describe()
    assert pausing.task_queue == ids.WATCH_QUEUE
    told = await application.colours.hand_over_reviews(BLUE, to=GREEN)
    assert len(told) == 5  # three texts wait, one is put off, one is to be made again
    registration = register_worker(application, colour=BLUE)
    await registration.register()
    owner = own_calls(application, registration, open_limits(application))
    async with (
        Providers(application.settings) as providers,
        build_worker(application, providers, colour=BLUE, owner=owner),
        build_worker(application, providers, colour=GREEN, owner=owner),
    ):
        await home.until_ended("running-shop")
        await _until(home, decided[DecisionKind.REQUEST_CHANGES], ArticleStatus.NEEDS_REVIEW)
        await eventually(lambda: _are_live(application, "publish-shop", 2))
    (batch,) = await home.batches("running-shop")
    assert (batch.status, batch.needs_review) == (BatchStatus.COMPLETED, 3)
    again = await get_review(home.database, decided[DecisionKind.REQUEST_CHANGES].id, by=ANNA)
    assert (again.text.number, again.article.revision) == (2, 2)
    # The tone is of the text, not of its plan.
    assert await _answers(home, again.article) == dict.fromkeys(STAGES, 1) | {Stage.ARTICLE: 2, Stage.SEO_METADATA: 2}
    for article in await home.articles("running-shop"):
        assert await _answers(home, article) == dict.fromkeys(STAGES, 1)
    for kind, status in (
        (DecisionKind.APPROVE, ArticleStatus.APPROVED),
        (DecisionKind.REJECT, ArticleStatus.REJECTED),
        (DecisionKind.SNOOZE, ArticleStatus.NEEDS_REVIEW),
        (DecisionKind.PARK, ArticleStatus.PARKED),
    ):
        async with home.database.unit_of_work() as uow:
            assert await uow.articles.get_status(decided[kind].id) is status
    assert len(_pages(application.settings.home / "published" / "publish-shop")) == 2


def _pages(folder: Path) -> list[Path]:
    return list(folder.rglob("*.html"))


async def _by_last_decision(home: Home) -> dict[DecisionKind, Article]:
    """Return the articles of the shop whose texts were decided on, each by the kind."""
    found = {}
    for article in await home.articles("review-shop"):
        async with home.database.unit_of_work() as uow:
            decisions = await uow.decisions.list_for_article(article.id)
        if decisions:
            found[decisions[-1].kind] = article
    assert len(found) == 5
    return found


async def _answers(home: Home, article: Article) -> dict[Stage, int]:
    """Return how often each stage of the article was answered."""
    async with home.database.unit_of_work() as uow:
        calls = await uow.model_calls.list_for_article(article.id)
    return Counter(call.stage for call in calls if call.status is CallStatus.ANSWERED)


async def _until(home: Home, article: Article, status: ArticleStatus) -> None:
    async def is_it() -> bool:
        async with home.database.unit_of_work() as uow:
            return await uow.articles.get_status(article.id) is status

    await eventually(is_it)


async def _are_live(application: Application, site: str, count: int) -> bool:
    async with application.database.unit_of_work() as uow:
        return len(await uow.publications.list_live(site)) == count
