"""What has not ended, of all sites.

The watchdog compares it with Temporal. Each list is one statement over what is unfinished, and locks nothing. The
statuses stand in the statements as the partial indexes have them, so that no list reads what has ended.
"""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, exists, func, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.batch import BatchStatus
from src.domain.ids import ArticleId, BatchId, CallId, LongtailId
from src.domain.longtail import LongtailStatus
from src.domain.stages import Stage
from src.domain.usage import CallStatus

from .tables import ArticleRow, BatchRow, HoldRow, LongtailRow, ModelCallRow, WorkerRow

_BEATS_MISSED = timedelta(seconds=30)  # a worker seen since then lives: it beats every two seconds
_MEASURED = 20  # batches of a site, of which the median duration is taken

_RUNNING = text(f"batches.status = '{BatchStatus.RUNNING}'")
_LIVE = text(f"articles.status IN ('{ArticleStatus.QUEUED}', '{ArticleStatus.GENERATING}')")
_CLAIMED = text(f"longtails.status = '{LongtailStatus.CLAIMED}'")
_OPEN = text(f"model_calls.status = '{CallStatus.OPEN}'")


class RunningBatch(BaseModel):
    """A batch that has not ended.

    Attributes:
        usual: how long the site's batches took, by their median; None before the first one.
        is_held: whether its site is held, so that it waits on purpose.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: BatchId
    site: str
    slot: datetime
    workflow_id: str
    run_id: str
    opened_at: datetime
    usual: timedelta | None
    is_held: bool


class LiveArticle(BaseModel):
    """An article that a workflow should be at.

    Attributes:
        batch_workflow_id: of its batch while that runs.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: ArticleId
    site: str
    keyword: str
    status: ArticleStatus
    batch_workflow_id: str | None


class StrandedLongtail(BaseModel):
    """A claimed longtail that no article is being made of."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: LongtailId
    site: str
    phrase: str


class OpenCall(BaseModel):
    """An open call whose worker was not seen lately."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CallId
    article_id: ArticleId | None
    site: str
    keyword: str
    stage: Stage
    worker: str
    opened_at: datetime


class UnfinishedRepository:
    """What has not ended, in one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_batches(self) -> list[RunningBatch]:
        """Return the running batches of all sites."""
        ended = BatchRow.__table__.alias("ended")
        durations = (
            select((ended.c.closed_at - ended.c.opened_at).label("took"))
            .where(ended.c.site == BatchRow.site)
            .where(ended.c.status.in_([BatchStatus.COMPLETED, BatchStatus.PARTLY_FAILED]))
            .order_by(ended.c.closed_at.desc())
            .limit(_MEASURED)
            .correlate(BatchRow)
            .subquery()
        )
        usual = select(func.percentile_cont(0.5).within_group(durations.c.took).label("usual")).lateral("usual")
        concerns = or_(HoldRow.site == BatchRow.site, HoldRow.site.is_(None))
        is_held = exists().where(HoldRow.released_at.is_(None), concerns).label("is_held")
        of_batch = (getattr(BatchRow, name) for name in RunningBatch.model_fields if name not in ("usual", "is_held"))
        statement = select(*of_batch, usual.c.usual, is_held).outerjoin(usual, true()).where(_RUNNING)
        return [RunningBatch.model_validate(row) for row in await self._session.execute(statement)]

    async def list_articles(self) -> list[LiveArticle]:
        """Return articles that a workflow should be at.

        Those that wait in a running batch are left out: its workflow will start theirs.
        """
        batch_runs = BatchRow.status == BatchStatus.RUNNING
        statement = (
            select(
                *(ArticleRow.id, ArticleRow.site, ArticleRow.keyword, ArticleRow.status),
                BatchRow.workflow_id.label("batch_workflow_id"),
            )
            .outerjoin(BatchRow, and_(BatchRow.id == ArticleRow.batch_id, batch_runs))
            .where(_LIVE, or_(ArticleRow.status == ArticleStatus.GENERATING, BatchRow.id.is_(None)))
        )
        return [LiveArticle.model_validate(row) for row in await self._session.execute(statement)]

    async def list_stranded(self) -> list[StrandedLongtail]:
        """Return the claimed longtails of which no article is under way."""
        article = exists().where(ArticleRow.longtail_id == LongtailRow.id, _LIVE)
        statement = select(LongtailRow.id, LongtailRow.site, LongtailRow.phrase).where(_CLAIMED, ~article)
        return [StrandedLongtail.model_validate(row) for row in await self._session.execute(statement)]

    async def list_open_calls(self) -> list[OpenCall]:
        """Return the open calls whose worker is not known to live."""
        lives = and_(
            WorkerRow.instance == ModelCallRow.worker,
            WorkerRow.said_goodbye_at.is_(None),
            WorkerRow.taken_over_at.is_(None),
            WorkerRow.last_seen_at > func.now() - _BEATS_MISSED,
        )
        of_call = (getattr(ModelCallRow, name) for name in OpenCall.model_fields)
        statement = select(*of_call).where(_OPEN, ~exists().where(lives))
        return [OpenCall.model_validate(row) for row in await self._session.execute(statement)]

    async def list_live(self, batch_id: BatchId) -> list[ArticleId]:
        """Return the batch's unfinished articles."""
        return list(await self._session.scalars(select(ArticleRow.id).where(ArticleRow.batch_id == batch_id, _LIVE)))
