"""How far batches are, and their articles page by page."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus, Failure
from src.domain.batch import Batch, BatchStatus
from src.domain.ids import ArticleId, BatchId
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus, Dollars

from .batches import DONE
from .tables import ArticleRow, BatchArticleRow, BatchRow, ModelCallRow, StageFailureRow, StageOutputRow

_MEASURED = 20  # batches of a site, of which the median duration is taken
_UNDER_WAY = (ArticleStatus.QUEUED, ArticleStatus.GENERATING)


class StageCount(BaseModel):
    """How many articles finished a stage, or failed there."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    done: int
    at_work: int
    failed: int


class BatchProgress(BaseModel):
    """A batch with its counts by stage.

    Attributes:
        usual: how long the site's batches took, by their median; None before the first one.
    """

    model_config = ConfigDict(frozen=True)

    batch: Batch
    stages: tuple[StageCount, ...]
    usual: timedelta | None

    @property
    def expected_end(self) -> datetime | None:
        """Return when it ends if it takes as long as usual.

        None: not known.
        """
        if self.usual is None or self.batch.closed_at is not None:
            return None
        return self.batch.opened_at + self.usual


class Shown(StrEnum):
    """Which articles of a batch are listed."""

    ALL = "all"
    AT_WORK = "work"
    STRUGGLING = "struggling"  # under way, after a failure of the stage that they are at
    FAILED = "failed"
    REVIEW = "review"


class LastFailure(BaseModel):
    """The last failure of a stage that is tried again."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    failures: int
    error_type: str
    message: str
    at: datetime


class BatchArticle(BaseModel):
    """An article of a batch and what it does now.

    Attributes:
        status: how it ended in this batch, else what it is.
        calling: the stage whose model call is open, since ``called_at``.
        attempt: Temporal's, of that call.
        trouble: what its stage met last; None when it met nothing.
    """

    model_config = ConfigDict(frozen=True)

    id: ArticleId
    position: int
    keyword: str
    status: ArticleStatus
    stages_done: tuple[Stage, ...]
    failure: Failure | None
    calling: Stage | None
    called_at: datetime | None
    attempt: int | None
    trouble: LastFailure | None
    cost_usd: Dollars
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def stage(self) -> Stage | None:
        """Return the stage that it comes to; None: it has all."""
        return next((stage for stage in STAGES if stage not in self.stages_done), None)


class BatchProgressRepository:
    """The progress of batches in one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_running(self, *, sites: Collection[str] | None) -> list[BatchProgress]:
        """Return the running batches, the oldest first; ``sites`` None is all."""
        statement = _progress().where(BatchRow.status == BatchStatus.RUNNING).order_by(BatchRow.opened_at)
        return await self._read(statement if sites is None else statement.where(BatchRow.site.in_(sites)))

    async def find(self, batch_id: BatchId) -> BatchProgress | None:
        """Return the batch, None where there is none."""
        found = await self._read(_progress().where(BatchRow.id == batch_id))
        return found[0] if found else None

    async def list_last_ended(self, *, sites: Collection[str] | None) -> list[Batch]:
        """Return the newest ended batch of each site."""
        newest = select(BatchRow.id).where(BatchRow.status != BatchStatus.RUNNING)
        newest = newest.ext(distinct_on(BatchRow.site)).order_by(BatchRow.site, BatchRow.slot.desc())
        if sites is not None:
            newest = newest.where(BatchRow.site.in_(sites))
        statement = _progress().where(BatchRow.id.in_(newest))
        return [progress.batch for progress in await self._read(statement)]

    async def list_broken(
        self, *, sites: Collection[str] | None, since: datetime, limit: int
    ) -> list[tuple[Batch, int, Failure | None]]:
        """Return batches with articles that failed, the newest first.

        Each comes with how many have failed and were not tried again, and the commonest failure. Those that were
        stopped, or failed without an article, are among them.
        """
        failed = (
            select(
                func.count().label("count"),
                *(func.mode().within_group(column).label(column.name) for column in _FAILURE),
            )
            .where(ArticleRow.batch_id == BatchRow.id, ArticleRow.status == ArticleStatus.FAILED)
            .correlate(BatchRow)
            .lateral("failed")
        )
        is_recent = or_(BatchRow.status == BatchStatus.RUNNING, BatchRow.closed_at >= since)
        is_broken = or_(failed.c.count > 0, BatchRow.status.in_([BatchStatus.STOPPED, BatchStatus.FAILED]))
        statement = (
            _progress(failed.c.count, *(failed.c[column.name] for column in _FAILURE))
            .join(failed, true())
            .where(is_recent, is_broken)
            .group_by(failed.c.count, *(failed.c[column.name] for column in _FAILURE))
            .order_by(BatchRow.slot.desc())
            .limit(limit)
        )
        if sites is not None:
            statement = statement.where(BatchRow.site.in_(sites))
        rows = await self._session.execute(statement)
        width = 1 + len(_FAILURE)
        return [(_batch(row[:-width]).batch, row[-width], _failure(*row[-width + 1 :])) for row in rows]

    async def count_shown(self, batch_id: BatchId) -> dict[Shown, int]:
        """Return how many articles each choice lists."""
        first, *others = (func.count().filter(_is_shown(shown)) for shown in Shown)
        counts: Select[Any] = select(first).add_columns(*others)
        row = await self._session.execute(_of_batch(counts, batch_id))
        return dict(zip(Shown, row.one(), strict=True))

    async def list_articles(self, batch_id: BatchId, shown: Shown, *, first: int, limit: int) -> list[BatchArticle]:
        """Return the articles from a position on, in their order."""
        done = (
            select(func.array_agg(StageOutputRow.stage).label("stages"))
            .where(StageOutputRow.article_id == ArticleRow.id, StageOutputRow.revision == ArticleRow.revision)
            .lateral("done")
        )
        spent = (
            select(func.coalesce(func.sum(ModelCallRow.cost_usd), 0).label("cost"))
            .where(ModelCallRow.article_id == ArticleRow.id)
            .lateral("spent")
        )
        call = (
            select(ModelCallRow.stage, ModelCallRow.opened_at, ModelCallRow.attempt)
            .where(ModelCallRow.article_id == ArticleRow.id, ModelCallRow.status == CallStatus.OPEN)
            .order_by(ModelCallRow.opened_at.desc())
            .limit(1)
            .lateral("call")
        )
        trouble = (
            select(*_TROUBLE)
            .where(_its_failures())
            .order_by(StageFailureRow.last_at.desc())
            .limit(1)
            .lateral("trouble")
        )
        its = (
            *(ArticleRow.id, BatchArticleRow.position, ArticleRow.keyword, _STATUS, ArticleRow.started_at),
            *(ArticleRow.finished_at, *_FAILURE, done.c.stages, spent.c.cost),
            *(call.c.stage, call.c.opened_at, call.c.attempt, *trouble.c),
        )
        statement = _of_batch(select(*its), batch_id).where(_is_shown(shown), BatchArticleRow.position >= first)
        for part in (done, spent, call, trouble):
            statement = statement.outerjoin(part, true())
        rows = await self._session.execute(statement.order_by(BatchArticleRow.position).limit(limit))
        return [_article(*row) for row in rows]

    async def list_failed(self, batch_id: BatchId, *, limit: int) -> list[ArticleId]:
        """Return articles that failed and were not tried again."""
        statement = _of_batch(select(ArticleRow.id), batch_id).where(_is_shown(Shown.FAILED))
        return list(await self._session.scalars(statement.order_by(BatchArticleRow.position).limit(limit)))

    async def _read(self, statement: Select[Any]) -> list[BatchProgress]:
        return [_batch(row) for row in await self._session.execute(statement)]


_FAILURE = (ArticleRow.failed_stage, ArticleRow.error_type, ArticleRow.error_message, ArticleRow.attempts)
_TROUBLE = (
    *(StageFailureRow.stage, StageFailureRow.failures, StageFailureRow.error_type),
    *(StageFailureRow.message, StageFailureRow.last_at),
)
_STATUS = func.coalesce(BatchArticleRow.outcome, ArticleRow.status)
_COUNTED = (ArticleStatus.NEEDS_REVIEW, ArticleStatus.FAILED, ArticleStatus.CANCELLED)
_COUNTS = ("total", *(status.value for status in _COUNTED))
_PLAIN = tuple(name for name in Batch.model_fields if name not in _COUNTS)


def _progress(*others: ColumnElement[Any]) -> Select[Any]:
    """Return batches counted by outcome and stage, in one query."""
    done = (
        select(func.count().label("count"))
        .select_from(StageOutputRow)
        .where(StageOutputRow.article_id == ArticleRow.id, StageOutputRow.revision == ArticleRow.revision)
        .correlate(ArticleRow)
        .lateral("done")
    )
    is_at_work = and_(BatchArticleRow.outcome.is_(None), ArticleRow.status == ArticleStatus.GENERATING)
    has_failed = BatchArticleRow.outcome == ArticleStatus.FAILED
    counts: list[Any] = [func.count(BatchArticleRow.article_id)]
    counts += [func.count().filter(BatchArticleRow.outcome == status) for status in _COUNTED]
    for stage in STAGES:
        counts += [
            func.count().filter(done.c.count > stage.position),
            func.count().filter(is_at_work, done.c.count == stage.position),
            func.count().filter(has_failed, ArticleRow.failed_stage == stage),
        ]
    usual = _usual()
    return (
        select(*(getattr(BatchRow, name) for name in _PLAIN), usual.c.usual, *counts, *others)
        .outerjoin(BatchArticleRow, BatchArticleRow.batch_id == BatchRow.id)
        .outerjoin(ArticleRow, ArticleRow.id == BatchArticleRow.article_id)
        .outerjoin(done, true())
        .outerjoin(usual, true())
        .group_by(BatchRow.id, usual.c.usual)
    )


def _usual() -> Any:  # noqa: ANN401 - a lateral subquery
    ended = BatchRow.__table__.alias("ended")
    durations = (
        select((ended.c.closed_at - ended.c.opened_at).label("took"))
        .where(ended.c.site == BatchRow.site, ended.c.status.in_(DONE))
        .order_by(ended.c.closed_at.desc())
        .limit(_MEASURED)
        .correlate(BatchRow)
        .subquery()
    )
    return select(func.percentile_cont(0.5).within_group(durations.c.took).label("usual")).lateral("usual")


def _batch(row: Any) -> BatchProgress:  # noqa: ANN401 - a row of _progress
    plain, (usual, *counts) = row[: len(_PLAIN)], row[len(_PLAIN) :]
    columns = dict(zip(_PLAIN, plain, strict=True)) | dict(zip(_COUNTS, counts, strict=False))
    by_stage = counts[len(_COUNTS) :]
    stages = tuple(
        StageCount(stage=stage, done=by_stage[at], at_work=by_stage[at + 1], failed=by_stage[at + 2])
        for stage, at in zip(STAGES, range(0, 12, 3), strict=True)
    )
    return BatchProgress(batch=Batch.model_validate(columns), stages=stages, usual=usual)


def _of_batch(statement: Select[Any], batch_id: BatchId) -> Select[Any]:
    statement = statement.select_from(BatchArticleRow)
    joined = statement.join(ArticleRow, ArticleRow.id == BatchArticleRow.article_id)
    return joined.where(BatchArticleRow.batch_id == batch_id)


def _is_shown(shown: Shown) -> ColumnElement[bool]:
    is_under_way = and_(BatchArticleRow.outcome.is_(None), ArticleRow.status.in_(_UNDER_WAY))
    match shown:
        case Shown.ALL:
            return true()
        case Shown.AT_WORK:
            return and_(BatchArticleRow.outcome.is_(None), ArticleRow.status == ArticleStatus.GENERATING)
        case Shown.STRUGGLING:
            return and_(is_under_way, exists().where(_its_failures()))
        case Shown.FAILED:
            return and_(BatchArticleRow.outcome == ArticleStatus.FAILED, ArticleRow.status == ArticleStatus.FAILED)
        case Shown.REVIEW:
            return ArticleRow.status == ArticleStatus.NEEDS_REVIEW


def _its_failures() -> ColumnElement[bool]:
    """Match failures of the stage that an article is at.

    Later stages have none, earlier ones passed.
    """
    passed = exists().where(
        StageOutputRow.article_id == StageFailureRow.article_id,
        StageOutputRow.revision == StageFailureRow.revision,
        StageOutputRow.stage == StageFailureRow.stage,
    )
    its = StageFailureRow.article_id == ArticleRow.id
    return and_(its, StageFailureRow.revision == ArticleRow.revision, ~passed)


def _failure(stage: str | None, error_type: str | None, message: str | None, attempts: int | None) -> Failure | None:
    if not error_type:
        return None
    return Failure(
        stage=Stage(stage) if stage else None, error_type=error_type, message=message or "", attempts=attempts or 0
    )


def _article(
    article_id: ArticleId,
    position: int,
    keyword: str,
    status: str,
    started_at: datetime | None,
    finished_at: datetime | None,
    *others: Any,  # noqa: ANN401
) -> BatchArticle:
    failure, (stages, cost, calling, called_at, attempt), trouble = others[:4], others[4:9], others[9:]
    stage, failures, error_type, message, at = trouble
    is_under_way = status in _UNDER_WAY
    return BatchArticle(
        id=article_id,
        position=position,
        keyword=keyword,
        status=ArticleStatus(status),
        stages_done=tuple(Stage(each) for each in sorted(stages or ())),
        failure=_failure(*failure),
        calling=Stage(calling) if calling else None,
        called_at=called_at,
        attempt=attempt,
        trouble=LastFailure(stage=stage, failures=failures, error_type=error_type, message=message, at=at)
        if failures and is_under_way
        else None,
        cost_usd=cost,
        started_at=started_at,
        finished_at=finished_at,
    )
