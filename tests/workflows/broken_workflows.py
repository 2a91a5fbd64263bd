"""Workflows as careless changes might leave them, in a module that the sandbox can import."""

import asyncio
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef
    from src.infrastructure.temporal.messages import ArticleOutcome

_LIMIT = timedelta(seconds=240)


async def _make(name: str, activity_id: str, article: ArticleRef) -> None:
    await workflow.execute_activity(name, article, activity_id=activity_id, start_to_close_timeout=_LIMIT)


@workflow.defn(name="ArticleWorkflow")
class OneActivityMore:
    """Asks somebody between A and B."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then one more."""
        await _make("analyse_keyword", "A", article)
        await _make("ask_somebody", "more", article)
        raise AssertionError


@workflow.defn(name="ArticleWorkflow")
class OneTimerMore:
    """Sleeps between A and B."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then a timer."""
        await _make("analyse_keyword", "A", article)
        await asyncio.sleep(10)
        raise AssertionError


@workflow.defn(name="ArticleWorkflow")
class WaitsForNothing:
    """Waits between A and B."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then nothing."""
        await _make("analyse_keyword", "A", article)
        await workflow.wait_condition(lambda: False)
        raise AssertionError


@workflow.defn(name="ArticleWorkflow")
class Raises:
    """Raises what fails the run."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then raise."""
        await _make("analyse_keyword", "A", article)
        raise KeyError(article.site)


@workflow.defn(name="ArticleWorkflow")
class RaisesWhatNobodyKnows:
    """Raises what fails the task again and again."""

    @workflow.run
    async def run(self, article: ArticleRef) -> ArticleOutcome:
        """Schedule A and then raise."""
        await _make("analyse_keyword", "A", article)
        raise EOFError
