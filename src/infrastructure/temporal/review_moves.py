"""Move waiting reviews to another colour, thousands of them if need be.

A review that nobody has looked at is one row of a history, with its first task still to come (docs/decisions/0019). It
is replaced by one on the other queue, with the rest of the delay: that takes no worker. A decision that was told to the
one before in that moment is told again by the watchdog, within a minute or two. Every other review is asked to go on
there, and its worker lets it.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy

from src.domain.article import ArticleStatus
from src.domain.colour import Colour

from . import ids
from . import search_attributes as sa
from .messages import ReviewInput
from .rpc_errors import translated

_CONCURRENT_REQUESTS = 16  # each is a few milliseconds of the server
_SOON = timedelta(seconds=10)  # one that is due by then is asked, and not replaced


class ReviewMoves:
    """Reviews on their way to another colour."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def hand_over(self, reviews: Iterable[WorkflowExecution], *, to: Colour) -> set[str]:
        """Replace or ask the reviews; return the ids of the runs."""
        slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)

        async def move(review: WorkflowExecution) -> str | None:
            async with slots:
                with translated("move the review"):
                    return review.run_id if await self._move(review, to) else None

        return {run_id for run_id in await asyncio.gather(*map(move, reviews)) if run_id}

    async def _move(self, review: WorkflowExecution, to: Colour) -> bool:
        described = await self._client.get_workflow_handle(review.id).describe()
        if described.status is not WorkflowExecutionStatus.RUNNING or described.run_id != review.run_id:
            return False
        rest = (described.execution_time or described.start_time) - datetime.now(UTC)
        is_untouched = described.history_length == 1 and rest > _SOON
        site = described.typed_search_attributes.get(sa.SITE) or ""
        keyword = await described.static_summary() or review.id
        await self._client.start_workflow(
            ids.REVIEW_WORKFLOW,
            ReviewInput(article_id=ids.reviewed_article(review.id), site=site, keyword=keyword),
            id=review.id,
            task_queue=ids.task_queue(to),
            static_summary=keyword,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(sa.SITE, site),
                    SearchAttributePair(sa.COLOUR, to),
                    SearchAttributePair(sa.REVIEW_STATE, ArticleStatus.NEEDS_REVIEW),
                ]
            ),
            # A signal by itself would not wake one whose first task is near. One that ended meanwhile starts, and ends.
            start_signal=None if is_untouched else "hand_over",
            start_signal_args=[] if is_untouched else [to],
            start_delay=rest if is_untouched else None,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING
            if is_untouched
            else WorkflowIDConflictPolicy.USE_EXISTING,
        )
        return True
