"""What the database knows of a colour's workers, calls and articles."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.canary import Side
from src.domain.colour import Colour
from src.domain.ids import ArticleId
from src.domain.stage_failure import FailureKind
from src.domain.stages import STAGES, Stage
from src.domain.usage import CallStatus

from .tables import ArticleRow, FindingRow, ModelCallRow, StageFailureRow, StageOutputRow, WorkerRow

ALIVE = timedelta(seconds=30)  # a worker beats every two seconds
_LEASE = timedelta(seconds=60)  # of a worker: as long as the heartbeat timeout of its activities
_SHOWN = timedelta(hours=12)  # after that a worker that never said goodbye is history
_COMPARED = 500  # articles of the old colour
_REMEMBERED = timedelta(days=14)


class ColourWorker(BaseModel):
    """A worker of a colour that did not say goodbye.

    Attributes:
        code_version: the commit, or the package's version.
        generation: of its workflow code; None, as the next three: a version that does not say.
        migration: the newest one that it knows.
        prompts: the hash of each stage's prompt.
        settings: those that deployments change.
        is_alive: it was seen a moment ago.
        is_draining: it polls no more.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    instance: str
    host: str
    pid: int
    code_version: str
    slots: int
    generation: int | None
    migration: str | None
    prompts: dict[str, str] | None
    settings: dict[str, object] | None
    started_at: datetime
    last_seen_at: datetime
    is_alive: bool
    is_draining: bool

    @property
    def polls(self) -> bool:
        """Return whether it takes tasks."""
        return self.is_alive and not self.is_draining


class ColourFactsRepository:
    """What one unit of work finds of colours."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_workers(self, colour: Colour) -> list[ColourWorker]:
        """Return the colour's workers that did not say goodbye, the newest first."""
        now = func.now()
        rows = await self._session.execute(
            select(WorkerRow, (WorkerRow.last_seen_at > now - ALIVE).label("is_alive"))
            .where(
                WorkerRow.colour == colour,
                WorkerRow.said_goodbye_at.is_(None),
                WorkerRow.taken_over_at.is_(None),
                WorkerRow.last_seen_at > now - _SHOWN,
            )
            .order_by(WorkerRow.started_at.desc())
        )
        computed = ("is_alive", "is_draining")
        return [
            ColourWorker(
                is_alive=is_alive,
                is_draining=row.draining_at is not None,
                **{name: getattr(row, name) for name in ColourWorker.model_fields if name not in computed},
            )
            for row, is_alive in rows
        ]

    async def has_unended_workers(self, colour: Colour) -> bool:
        """Return whether a worker of the colour may live."""
        return bool(
            await self._session.scalar(
                select(
                    exists().where(
                        WorkerRow.colour == colour,
                        WorkerRow.said_goodbye_at.is_(None),
                        WorkerRow.taken_over_at.is_(None),
                        WorkerRow.last_seen_at > func.now() - _LEASE,
                    )
                )
            )
        )

    async def count_open_calls(self, colour: Colour) -> int:
        """Return how many calls of the colour's workers have no stored end.

        An answer that waits in a worker's file, or in its memory, is one of them: the call is closed with its answer.
        """
        of_colour = select(WorkerRow.instance).where(WorkerRow.colour == colour)
        statement = select(func.count()).where(
            ModelCallRow.status == CallStatus.OPEN,
            or_(ModelCallRow.colour == colour, ModelCallRow.worker.in_(of_colour)),
        )
        return await self._session.scalar(statement) or 0

    async def count_stages(self, article_ids: Sequence[ArticleId]) -> Counter[Stage]:
        """Return how many articles are at each stage.

        That is the first one without an output.
        """
        done = (
            select(func.count())
            .where(StageOutputRow.article_id == ArticleRow.id, StageOutputRow.revision == ArticleRow.revision)
            .correlate(ArticleRow)
            .scalar_subquery()
        )
        rows = await self._session.execute(
            select(done, func.count()).where(ArticleRow.id == func.any(list(article_ids))).group_by(done)
        )
        counts: Counter[Stage] = Counter()
        for finished, count in rows:
            counts[STAGES[min(finished, len(STAGES) - 1)]] += count
        return counts

    # --- canaries

    async def read_side(self, colour: Colour, *, since: datetime | None) -> Side:
        """Return what the colour's articles came to that began since then.

        Without ``since`` they are the last five hundred of two weeks. Outages of a provider are left out.
        """
        ended = _ended(colour, since).subquery()
        rows = await self._session.execute(
            select(ended.c.error_type, ended.c.is_outage, func.count()).group_by(ended.c.error_type, ended.c.is_outage)
        )
        failed: Counter[str] = Counter()
        finished = outages = 0
        for error_type, is_outage, count in rows:
            if is_outage:
                outages += count
                continue
            finished += count
            if error_type is not None:
                failed[error_type] += count
        medians = await self._session.execute(
            select(
                _median(ended.c.cost).label("cost"),
                _median(ended.c.seconds).label("seconds"),
                func.avg(ended.c.findings).label("findings"),
            ).where(ended.c.error_type.is_(None))
        )
        cost, seconds, findings = medians.one()
        return Side(
            colour=colour,
            finished=finished,
            failed=dict(failed),
            outages=outages,
            cost_usd=_number(cost),
            seconds=_number(seconds),
            findings=_number(findings),
        )

    async def list_known_errors(self, *, but_of: Colour) -> frozenset[str]:
        """Return the types of errors that ended articles of any other colour.

        Those of articles that nobody knows the colour of are among them.
        """
        made_by = _made_by()
        rows = await self._session.scalars(
            select(ArticleRow.error_type)
            .where(ArticleRow.error_type.is_not(None), made_by.is_distinct_from(but_of))
            .distinct()
        )
        return frozenset(each for each in rows if each)


def _made_by() -> ColumnElement[str | None]:
    """Return the colour that ended the article.

    Of a version that did not say it is that of its last call.
    """
    last_call = (
        select(ModelCallRow.colour)
        .where(ModelCallRow.article_id == ArticleRow.id)
        .order_by(ModelCallRow.opened_at.desc())
        .limit(1)
        .correlate(ArticleRow)
        .scalar_subquery()
    )
    return func.coalesce(ArticleRow.colour, last_call)


def _ended(colour: Colour, since: datetime | None) -> Select[tuple[object, ...]]:
    """Return the colour's articles that ended, the newest first."""
    is_outage = exists().where(
        StageFailureRow.article_id == ArticleRow.id,
        StageFailureRow.revision == ArticleRow.revision,
        StageFailureRow.stage == ArticleRow.failed_stage,
        StageFailureRow.error_type == ArticleRow.error_type,
        StageFailureRow.kind == FailureKind.OUTAGE,
    )
    cost = select(func.sum(ModelCallRow.cost_usd)).where(ModelCallRow.article_id == ArticleRow.id)
    findings = select(func.count()).where(FindingRow.article_id == ArticleRow.id)
    began = func.coalesce(ArticleRow.started_at, ArticleRow.finished_at)
    failed = ArticleRow.status == ArticleStatus.FAILED
    statement = select(
        ArticleRow.error_type,
        and_(failed, is_outage).label("is_outage"),
        cost.correlate(ArticleRow).scalar_subquery().label("cost"),
        func.extract("epoch", ArticleRow.finished_at - began).label("seconds"),
        findings.correlate(ArticleRow).scalar_subquery().label("findings"),
    ).where(
        ArticleRow.finished_at.is_not(None),
        ArticleRow.status != ArticleStatus.CANCELLED,
        _made_by() == colour,
        began >= (since if since is not None else func.now() - _REMEMBERED),
    )
    return statement if since is not None else statement.order_by(ArticleRow.finished_at.desc()).limit(_COMPARED)


def _median(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.percentile_cont(0.5).within_group(column)


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]
