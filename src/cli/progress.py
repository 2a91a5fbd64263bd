"""Shows how far a batch's articles are until it ends."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from src.application.batches import list_workflow_articles
from src.bootstrap import Application
from src.domain.article import Article, ArticleStatus
from src.domain.batch import Batch
from src.domain.stages import STAGES
from src.infrastructure.database.unit_of_work import Database

from .terminal import STATUS_STYLES, err

T = TypeVar("T")

POLL = timedelta(milliseconds=300)
_BAR_WIDTH = 12
_BESIDE_KEYWORD = 42  # columns of bar, "A: keyword analysis" and time
MOST_BARS = 20  # articles with a bar of their own; a larger batch has one for all
_UNDER_WAY = (ArticleStatus.QUEUED, ArticleStatus.GENERATING)


async def wait_for_batch(application: Application, site: str, workflow_id: str) -> Batch:
    """Show progress until the workflow ends, and return its batch.

    Raises Conflict when it opened none.
    """
    ending = application.batches.wait(site, workflow_id)
    return await follow(ending, application.database, site=site, workflow_id=workflow_id)


async def follow(ending: Awaitable[T], database: Database, *, site: str, workflow_id: str) -> T:
    """Show progress until ``ending`` is done, and return what it returns."""
    task = asyncio.ensure_future(ending)
    view = _Bars() if err.is_terminal else _Lines()
    try:
        with view:
            while True:
                done, _ = await asyncio.wait({task}, timeout=POLL.total_seconds())
                view.show(await list_workflow_articles(database, site, workflow_id))
                if done:
                    return task.result()
    finally:
        task.cancel()


class _Bars:
    """A bar an article, for people."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR_WIDTH),
            TextColumn("{task.fields[doing]}"),
            TimeElapsedColumn(),
            console=err,
        )
        self._tasks: dict[UUID | None, TaskID] = {}

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, articles: list[Article]) -> None:
        """Bring every bar up to date."""
        if len(articles) > MOST_BARS:
            ended = sum(article.status not in _UNDER_WAY for article in articles)
            self._move(None, "articles", ended, len(articles), f"{ended} of {len(articles)}")
            return
        for article in articles:
            done = len(article.stages_done)
            self._move(article.id, escape(_shortened(article.keyword)), done, len(STAGES), _doing(article))

    def _move(self, key: UUID | None, description: str, completed: int, total: int, doing: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(description, total=total, doing=doing)
        task = self._tasks[key]
        self._progress.update(task, completed=completed, doing=doing)
        if completed == total:
            self._progress.stop_task(task)


class _Lines:
    """A line for every article that moved on, for logs."""

    def __init__(self) -> None:
        self._said: dict[UUID, str] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, articles: list[Article]) -> None:
        """Print what changed."""
        ended = sum(article.status not in _UNDER_WAY for article in articles)
        for article in articles:
            stages = "".join(article.stages_done) or "–"
            state = f"{article.status.replace('_', ' ')}, stages done: {stages}"
            if self._said.get(article.id) != state:
                self._said[article.id] = state
                err.print(escape(f"{ended}/{len(articles)} ended | {article.keyword[:60]}: {state}"), soft_wrap=True)


def _shortened(keyword: str) -> str:
    text = Text(keyword)
    text.truncate(min(60, max(20, err.width - _BESIDE_KEYWORD)), overflow="ellipsis")
    return text.plain


def _doing(article: Article) -> str:
    if article.status not in _UNDER_WAY:
        style = STATUS_STYLES[article.status]
        return f"[{style}]{article.status.replace('_', ' ')}[/{style}]"
    if article.status is ArticleStatus.QUEUED:
        return "queued"
    stage = STAGES[min(len(article.stages_done), len(STAGES) - 1)]
    return f"{stage}: {stage.label}"
