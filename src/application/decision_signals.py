"""Tells workflows of decisions that were made.

Where this fails the watchdog does it, within a minute or two.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from src.domain.errors import EngineUnavailable
from src.domain.ids import ArticleId
from src.domain.publishing import PublicationRecord
from src.domain.review import Decision, DecisionKind
from src.infrastructure.database.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()


class DecisionSignals:
    """Signals to reviews and publications of articles that were decided on."""

    def __init__(self, database: Database, workflows: "WorkflowGateway") -> None:
        self._database = database
        self._workflows = workflows

    async def tell(self, decisions: Sequence[tuple[Decision, PublicationRecord | None]]) -> list[bool]:
        """Inform the workflows of each decision, and of what it publishes.

        Return for each whether they know. Once Temporal is away the others are left to the watchdog too.
        """
        told: list[bool] = []
        try:
            for decision, publication in decisions:
                if publication is not None and publication.status.is_open:
                    await self._publish(publication)
                told.append(await self._signal(decision))
        except EngineUnavailable as error:
            article_id = decisions[len(told)][0].article_id
            log.warning("decision_not_signalled", article=str(article_id), error=error.message)
        return [*told, *([False] * (len(decisions) - len(told)))]

    async def _signal(self, decision: Decision) -> bool:
        if decision.kind is DecisionKind.WITHDRAW:
            await self._take_off(decision.article_id)
        return await self._signal_review(decision)

    async def _signal_review(self, decision: Decision) -> bool:
        """Signal the review.

        One that an earlier decision ended is started, where a worker lives. Return False without a review and a
        worker; the watchdog of the next worker starts it.
        """
        async with self._database.unit_of_work() as uow:
            article = await uow.articles.get(decision.article_id)
            has_workers, colour = await _has_workers(uow), (await uow.routing.read()).active
        if not has_workers and not await self._workflows.find_reviews([article.id]):
            return False
        await self._workflows.signal_review(
            article.id,
            decision.id,
            site=article.site,
            keyword=article.keyword,
            colour=colour,  # only of a review that does not run
        )
        return True

    async def _publish(self, publication: PublicationRecord) -> None:
        async with self._database.unit_of_work() as uow:
            colour = (await uow.routing.read()).active
        await self._workflows.start_publishing(publication.article_id, site=publication.site, colour=colour)

    async def _take_off(self, article_id: ArticleId) -> None:
        """Start what takes the article's pages off, if targets have some.

        Where no worker lives, only tell one that runs; the watchdog of the next worker starts it.
        """
        async with self._database.unit_of_work() as uow:
            to_do = await uow.publications.list_open(article_id)
            has_workers, colour = await _has_workers(uow), (await uow.routing.read()).active
        if to_do and not has_workers:
            await self._workflows.wake_publications(article_id)
        elif to_do:
            await self._workflows.start_publishing(article_id, site=to_do[0].site, colour=colour)


async def _has_workers(uow: UnitOfWork) -> bool:
    """Return whether a worker lives that takes new work."""
    return any(worker.draining_at is None for worker in await uow.workers.list_unended())
