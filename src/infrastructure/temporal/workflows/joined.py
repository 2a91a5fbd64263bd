"""Waits for articles that another run began and that still run.

Their workflows are no children of this one, so their rows are looked at: by a local activity, which takes no model's
slot, between timers of this workflow. An article may also have lost its workflow, which only an attempt to start it
tells; so the caller is asked to try that from time to time.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, TerminatedError

with workflow.unsafe.imports_passed_through():
    from src.domain.article import ArticleRef
    from src.domain.hold import HoldState
    from src.domain.ids import ArticleId

    from .. import ids, policies
    from ..activities.articles import ArticleActivities
    from ..activities.batches import BatchActivities
    from ..messages import EndedArticle, FindEnded


class _Wait:
    """One article that is waited for."""

    def __init__(self, *, until: float) -> None:
        self.end: asyncio.Future[EndedArticle | None] = asyncio.get_running_loop().create_future()
        self.until = until  # workflow time, then its start is tried again


class JoinedArticles:
    """The articles that a workflow waits for."""

    def __init__(self) -> None:
        self._waits: dict[ArticleId, _Wait] = {}
        self._patience: dict[ArticleId, timedelta] = {}
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, article: ArticleRef, *, until: Callable[[], bool] | None = None) -> EndedArticle | None:
        """Wait until the article has ended, and return how.

        None: it has not, and its start is to be tried again, or ``until`` is true. When this is cancelled, the article
        is cancelled and awaited first, as a child is.
        """
        try:
            return await self._wait(article.article_id, until)
        except asyncio.CancelledError:
            await self.cancel(article)
            raise

    async def cancel(self, article: ArticleRef) -> None:
        """Ask the article's workflow to stop and wait until it has.

        Temporal also takes the request for a workflow that was terminated, whose end is on record nowhere. So an end
        that does not come is recorded here.
        """
        self._patience[article.article_id] = policies.STOP_PATIENCE
        if await _ask_to_stop(article) and await self._wait(article.article_id):
            return
        await workflow.execute_local_activity_method(
            ArticleActivities.record_cancellation, article, summary="record the end", **policies.DATABASE
        )

    async def _wait(self, article_id: ArticleId, until: Callable[[], bool] | None = None) -> EndedArticle | None:
        patience = self._patience.get(article_id, policies.FIRST_RETRY_OF_START)
        self._patience[article_id] = 4 * patience
        wait = self._waits[article_id] = _Wait(until=workflow.time() + patience.total_seconds())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        try:
            if until is not None:
                await workflow.wait_condition(lambda: wait.end.done() or until())
            ended = await wait.end if until is None or wait.end.done() else None
        finally:
            self._waits.pop(article_id, None)
        if ended:
            del self._patience[article_id]
        return ended

    async def _look(self) -> None:
        waited = timedelta(0)  # by looking: the hours in which no worker lived make the next look no later
        try:
            while self._waits:
                pause = _pause(waited)
                await workflow.sleep(pause)
                waited += pause
                await self._look_once()
        except Exception as error:  # noqa: BLE001 - it belongs to those that wait
            for wait in self._waits.values():
                if not wait.end.done():
                    wait.end.set_exception(error)

    async def _look_once(self) -> None:
        if not self._waits:
            return
        found = await workflow.execute_local_activity_method(
            BatchActivities.find_ended,
            FindEnded(article_ids=list(self._waits)),
            summary="which articles of another run have ended?",
            **policies.DATABASE,
        )
        ended = {each.article_id: each for each in found}
        for article_id, wait in self._waits.items():
            if not wait.end.done() and (article_id in ended or workflow.time() >= wait.until):
                wait.end.set_result(ended.get(article_id))


async def runs_again(article: ArticleRef, error: ChildWorkflowError, hold: HoldState) -> bool:
    """Return whether a child was terminated since it goes on elsewhere.

    That is how an article gets away from a colour without workers. The signal that finds out tells it of the hold.
    """
    if not isinstance(error.cause, TerminatedError):
        return False
    try:
        await workflow.get_external_workflow_handle(ids.article(article.article_id)).signal("hold", hold)
    except FailureError:
        return False
    return True


async def _ask_to_stop(article: ArticleRef) -> bool:
    """Ask the workflow to stop; return whether there is one."""
    try:
        await workflow.get_external_workflow_handle(ids.article(article.article_id)).cancel()
    except FailureError:
        return False
    return True


def _pause(waited: timedelta) -> timedelta:
    """Return how long to wait until the next look."""
    soon = min(max(waited / policies.LOOK_SHARE, policies.SHORTEST_LOOK), policies.LONGEST_LOOK)
    return max(soon, waited / (10 * policies.LOOK_SHARE))
