"""Finds and repairs what has not ended and does not advance.

The database is read first and Temporal after it: what ended in between looks as if its workflow were gone. So does
what is just being started. Both are found for a moment only, and nothing is done before ``patience`` has passed. Each
repair is a transaction of one batch or of one site, and changes only what is still as it was found.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from src.domain.alert import PATIENCE, SHORTEST_OVERDUE, Alert, AlertKind, Finding, WorkflowRun
from src.domain.errors import LongtailError
from src.infrastructure.database.alerts import Settled
from src.infrastructure.database.unfinished import LiveArticle, OpenCall, RunningBatch, StrandedLongtail
from src.infrastructure.database.unit_of_work import Database, UnitOfWork
from src.infrastructure.temporal import ids

if TYPE_CHECKING:
    from src.infrastructure.temporal.workflow_gateway import WorkflowGateway

log = structlog.get_logger()

IsGone = Callable[[str, datetime], Awaitable[bool]]
T = TypeVar("T", bound=RunningBatch | LiveArticle | StrandedLongtail | OpenCall)
Runs = Mapping[str, WorkflowRun]

_WORKFLOW_GONE = ("WorkflowGone", "Temporal has no running workflow of this batch")


@dataclass(frozen=True)
class _Found(Generic[T]):
    """What is to be repaired, by the subject of its alert."""

    kind: AlertKind
    detail: Callable[[T], str]
    items: Sequence[T]

    @property
    def findings(self) -> list[Finding]:
        return [
            Finding(kind=self.kind, subject=str(item.id), site=item.site, detail=self.detail(item))
            for item in self.items
        ]


class UnfinishedWatch:
    """Compares what is unfinished with what Temporal runs.

    ``is_gone`` returns whether a worker is dead that opened a call at a moment. A batch is overdue after
    ``overdue_factor`` times what the site's batches usually take.
    """

    def __init__(
        self,
        database: Database,
        workflows: "WorkflowGateway",
        *,
        is_gone: IsGone,
        overdue_factor: float,
        patience: timedelta = PATIENCE,
        shortest_overdue: timedelta = SHORTEST_OVERDUE,
    ) -> None:
        self._database = database
        self._workflows = workflows
        self._is_gone = is_gone
        self._overdue_factor = overdue_factor
        self._patience = patience
        self._shortest_overdue = shortest_overdue

    async def look(self, now: datetime) -> list[Alert]:
        """Check all sites, repair what lasted, and return the new alerts."""
        async with self._database.unit_of_work() as uow:
            batches = await uow.unfinished.list_batches()
            articles = await uow.unfinished.list_articles()
            longtails = await uow.unfinished.list_stranded()
            calls = await uow.unfinished.list_open_calls()
        lost = [call for call in calls if await self._is_gone(call.worker, call.opened_at)]
        concerned = [*(article.id for article in articles), *(call.article_id for call in lost if call.article_id)]
        runs = await self._workflows.find_runs(
            [*(batch.workflow_id for batch in batches), *(ids.article(article_id) for article_id in concerned)]
        )
        gone = [batch for batch in batches if not _runs(runs, batch.workflow_id)]
        raised = await self._handle(_articles_gone(articles, runs), self._by_site(_cancel))
        raised += await self._handle(_Found(AlertKind.BATCH_GONE, _of_batch, gone), self._close)
        raised += await self._handle(
            _Found(AlertKind.LONGTAIL_STRANDED, _of_longtail, longtails), self._by_site(_release)
        )
        raised += await self._handle(_calls_lost(lost, runs), self._by_site(_write_off))
        raised += await self._tell(AlertKind.BATCH_OVERDUE, self._list_overdue(batches, runs, now))
        return raised + await self._tell(AlertKind.WORKFLOW_STUCK, await self._list_stuck())

    # --- alerts

    async def _handle(self, found: _Found[T], repair: Callable[[list[T]], Awaitable[None]]) -> list[Alert]:
        settled = await self._settle(found.kind, found.findings, self._patience)
        lasting = [item for item in found.items if str(item.id) in settled.lasting]
        if lasting:
            await repair(lasting)
        return [*settled.raised]

    async def _tell(self, kind: AlertKind, findings: Sequence[Finding]) -> list[Alert]:
        return [*(await self._settle(kind, findings, timedelta(0))).raised]

    async def _settle(self, kind: AlertKind, findings: Sequence[Finding], patience: timedelta) -> Settled:
        return await self._database.run_in_transaction(lambda uow: uow.alerts.settle(kind, findings, patience=patience))

    # --- what only a person can judge

    def _list_overdue(self, batches: Iterable[RunningBatch], runs: Runs, now: datetime) -> list[Finding]:
        """Return the batches that take too long.

        A batch that was opened again counts from its latest run. One that is held waits on purpose.
        """
        findings = []
        for batch in batches:
            run = runs.get(batch.workflow_id)
            if run is None or not run.is_running or batch.is_held or batch.usual is None:
                continue
            took = now - max(batch.opened_at, run.started_at)
            if took > max(self._overdue_factor * batch.usual, self._shortest_overdue):
                detail = f"slot {_text(batch.slot)}: running for {_length(took)}, usually {_length(batch.usual)}"
                findings.append(
                    Finding(kind=AlertKind.BATCH_OVERDUE, subject=str(batch.id), site=batch.site, detail=detail)
                )
        return findings

    async def _list_stuck(self) -> list[Finding]:
        return [
            Finding(
                kind=AlertKind.WORKFLOW_STUCK,
                subject=stuck.workflow_id,
                site=stuck.site,
                detail=f"its workflow tasks fail: {', '.join(stuck.problems)}",
            )
            for stuck in await self._workflows.list_stuck()
        ]

    # --- repairs

    def _by_site(
        self, repair: Callable[[list[T], UnitOfWork], Awaitable[None]]
    ) -> Callable[[list[T]], Awaitable[None]]:
        """Return the repair of all items, one transaction for each site."""

        async def repair_all(items: list[T]) -> None:
            by_site: defaultdict[str, list[T]] = defaultdict(list)
            for item in items:
                by_site[item.site].append(item)
            for group in by_site.values():
                await self._database.run_in_transaction(partial(repair, group))

        return repair_all

    async def _close(self, batches: list[RunningBatch]) -> None:
        """Close the batches, each in its transaction.

        They count as failed where no article is finished: nobody decided that they end.
        """
        for batch in batches:
            try:
                await self._close_one(batch)
            except LongtailError as error:  # one batch's trouble hides no other's
                log.warning("batch_not_closed", batch=str(batch.id), error=str(error))

    async def _close_one(self, batch: RunningBatch) -> None:
        async with self._database.unit_of_work() as uow:
            live = {ids.article(article_id): article_id for article_id in await uow.unfinished.list_live(batch.id)}
        runs = await self._workflows.find_runs(live)
        spared = [live[workflow_id] for workflow_id, run in runs.items() if run.is_running]
        await self._database.run_in_transaction(
            lambda uow: uow.batches.close(
                batch.id,
                cancelled=False,
                error=_WORKFLOW_GONE,
                keep_generating=True,
                spared=spared,
                run_id=batch.run_id,
            )
        )


async def _cancel(articles: list[LiveArticle], uow: UnitOfWork) -> None:
    await uow.articles.cancel_gone([article.id for article in articles])


async def _release(longtails: list[StrandedLongtail], uow: UnitOfWork) -> None:
    await uow.longtails.release_stranded([longtail.id for longtail in longtails])


async def _write_off(calls: list[OpenCall], uow: UnitOfWork) -> None:
    for call in calls:
        await uow.model_calls.write_off_call(call.id)


def _articles_gone(articles: Iterable[LiveArticle], runs: Runs) -> _Found[LiveArticle]:
    gone = [article for article in articles if not _goes_on(article, runs)]
    return _Found(AlertKind.ARTICLE_GONE, _of_article, gone)


def _goes_on(article: LiveArticle, runs: Runs) -> bool:
    """Return whether the article's workflow runs, or its batch will start it.

    A batch that was started again still has those before it whose workflows ended before its run began.
    """
    run = runs.get(ids.article(article.id))
    if run is not None and run.is_running:
        return True
    batch = runs.get(article.batch_workflow_id) if article.batch_workflow_id else None
    if batch is None or not batch.is_running:
        return False
    return run is None or run.started_at < batch.started_at


def _calls_lost(calls: Iterable[OpenCall], runs: Runs) -> _Found[OpenCall]:
    lost = [call for call in calls if call.article_id is None or not _runs(runs, ids.article(call.article_id))]
    return _Found(AlertKind.CALL_LOST, _of_call, lost)


def _runs(runs: Runs, workflow_id: str) -> bool:
    run = runs.get(workflow_id)
    return run is not None and run.is_running


def _of_batch(batch: RunningBatch) -> str:
    return (
        f"slot {_text(batch.slot)}: Temporal runs no workflow of it; closed, and what had not begun is cancelled, "
        "its keywords are ready"
    )


def _of_article(article: LiveArticle) -> str:
    return f"{article.keyword}: {article.status}, and Temporal runs no workflow of it; cancelled, its keyword is ready"


def _of_longtail(longtail: StrandedLongtail) -> str:
    return f"{longtail.phrase}: claimed, and no article is being made of it; ready again"


def _of_call(call: OpenCall) -> str:
    return f"{call.keyword}, stage {call.stage}: open, and its worker {call.worker} is dead; written off as lost"


def _text(slot: datetime) -> str:
    return f"{slot:%Y-%m-%d %H:%M} UTC"


def _length(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
