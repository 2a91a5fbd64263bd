"""Sees to it that every review has its workflow.

And that each decision reaches it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from src.domain.alert import Alert, AlertKind, Finding
from src.domain.colour import Colour
from src.domain.ids import ArticleId
from src.domain.review import DecisionId
from src.infrastructure.database.unit_of_work import Database
from src.infrastructure.temporal import ids

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()

PATIENCE = timedelta(minutes=1)  # a decision is taken up at once while its worker lives
CHECK_EVERY = timedelta(minutes=10)  # each review that waits is looked for so often, unless there are very many
_REPEATED_FOR = timedelta(minutes=10)  # after a decision; then its workflow has the signal, and no worker
_CHECKED_AT_ONCE = 200  # each is a request to Temporal of a few milliseconds
_REMINDED_SHOWN = 1000


class ReviewWatch:
    """Starts reviews without a workflow, on the active colour; repeats signals.

    A workflow that is just being started is found twice, and keeps running.
    """

    def __init__(self, database: Database, workflows: "WorkflowGateway", *, patience: timedelta = PATIENCE) -> None:
        self._database = database
        self._workflows = workflows
        self._patience = patience

    async def look(self) -> list[Alert]:
        """Start what is missing, repeat what was not heard.

        Return the new alerts.
        """
        await self._start_missing(late=await self._repeat_signals())
        return await self._tell_reminded()

    async def _repeat_signals(self) -> dict[ArticleId, DecisionId]:
        """Signal again what was not heard, and start what cannot hear.

        Return what is late: a signal waits in the history for a worker, and repeating it with every look would only
        fill that.
        """
        async with self._database.unit_of_work() as uow:
            waiting = await uow.decisions.list_not_taken_up(older_than=self._patience, recent=_REPEATED_FOR)
            known = await uow.reviews.list_sites([article_id for article_id, _, _ in waiting])
        recent = {article_id: decision_id for article_id, decision_id, is_recent in waiting if is_recent}
        for article_id in known.keys() & recent.keys():
            await self._signal(article_id, recent[article_id], *known[article_id])
        late = {article_id: decision_id for article_id, decision_id, _ in waiting if article_id not in recent}
        for article_id in (known.keys() & late.keys()) - await self._workflows.find_reviews(late.keys()):
            await self._start(article_id, *known[article_id])
        return late

    async def _start_missing(self, *, late: Mapping[ArticleId, DecisionId]) -> None:
        async with self._database.unit_of_work() as uow:
            unchecked = await uow.reviews.list_unchecked(every=CHECK_EVERY, limit=_CHECKED_AT_ONCE)
        runs = await self._workflows.find_reviews([article_id for article_id, _, _ in unchecked])
        for article_id, site, keyword in unchecked:
            if article_id not in runs:
                await self._start(article_id, site, keyword)
            elif article_id in late:
                await self._signal(article_id, late[article_id], site, keyword)
        await self._mark_checked([article_id for article_id, _, _ in unchecked])

    async def _start(self, article_id: ArticleId, site: str, keyword: str) -> None:
        if await self._workflows.start_review(article_id, site=site, keyword=keyword, colour=await self._active()):
            log.info("review_started", site=site, article=str(article_id), workflow=ids.review(article_id))

    async def _signal(self, article_id: ArticleId, decision_id: DecisionId, site: str, keyword: str) -> None:
        await self._workflows.signal_review(
            article_id, decision_id, site=site, keyword=keyword, colour=await self._active()
        )

    async def _active(self) -> Colour:
        """Return the active colour, which may change while this looks."""
        async with self._database.unit_of_work() as uow:
            return (await uow.routing.read()).active

    async def _mark_checked(self, article_ids: Sequence[ArticleId]) -> None:
        if article_ids:
            await self._database.run_in_transaction(lambda uow: uow.reviews.mark_checked(article_ids))

    async def _tell_reminded(self) -> list[Alert]:
        async with self._database.unit_of_work() as uow:
            reminded = await uow.reviews.list_reminded(limit=_REMINDED_SHOWN)
        findings = [
            Finding(
                kind=AlertKind.REVIEW_WAITING,
                subject=str(each.article_id),
                site=each.site,
                detail=f"{each.keyword}: awaits a review since {each.waiting_since:%Y-%m-%d %H:%M} UTC",
            )
            for each in reminded
        ]
        settled = await self._database.run_in_transaction(
            lambda uow: uow.alerts.settle(AlertKind.REVIEW_WAITING, findings)
        )
        return [*settled.raised]
