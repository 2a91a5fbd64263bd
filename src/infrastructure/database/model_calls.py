"""The ledger of model calls.

Opened and committed before a call, closed after it.

A row that is still open after a crash is a known unknown: it may have been paid. A paid answer is found again by its
question.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, field_serializer
from sqlalchemy import BindParameter, Boolean, Select, and_, bindparam, exists, func, literal, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId, BatchId, CallId
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Dollars, Spend

from .articles import begun
from .tables import ArticleRow, ModelCallRow, WorkerRow


class CallRequest(BaseModel):
    """What identifies a call before it is made."""

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    revision: int
    stage: Stage
    prompt: str
    prompt_hash: str  # of all that is sent
    question: str  # of the texts that are sent
    round: int
    attempt: int
    provider: str
    model: str
    worker: str
    colour: str | None = None
    code_version: str | None = None
    estimated_cost_usd: Decimal | None = None  # at most so much; None is unpriced


class HeldCall(BaseModel):
    """An open call of the same question, and its worker."""

    model_config = ConfigDict(frozen=True)

    id: CallId
    worker: str
    opened_at: datetime


class PaidAnswer(BaseModel):
    """An answer of the ledger, as good as a fresh one."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    answer: str
    stop_reason: str
    model: str
    request_id: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None


class ModelCall(BaseModel):
    """One call as the ledger has it.

    None is unknown, and of a cost unpriced.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CallId
    article_id: ArticleId | None  # None: its site was removed
    revision: int  # the stage revision that it was made for
    stage: Stage
    prompt: str
    prompt_hash: str
    round: int
    attempt: int
    provider: str
    model: str
    worker: str
    colour: str | None
    code_version: str | None
    status: CallStatus
    answer: str | None
    stop_reason: str | None
    request_id: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost_usd: Dollars | None
    estimated_cost_usd: Dollars | None  # at most so much, as known before the call
    latency_ms: int | None
    error_type: str | None
    error_message: str | None
    opened_at: datetime
    closed_at: datetime | None

    @field_serializer("opened_at", "closed_at", when_used="json")
    def _as_utc(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(UTC).isoformat()


class CallResult(BaseModel):
    """What came of a call.

    None is unknown, and of a cost unpriced.

    Attributes:
        model: the one the response named; None keeps the one that was asked for.
    """

    model_config = ConfigDict(frozen=True)

    status: CallStatus
    latency_ms: int
    answer: str | None = None
    stop_reason: str | None = None
    request_id: str | None = None
    model: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None


_MAY_BUY = ArticleStatus.sources(ArticleStatus.GENERATING)
_MAY_OPEN = bindparam("may_open", type_=Boolean)
_ASKED = "asked_"  # a parameter named as a column would be set by every UPDATE of the statement


def _parameter(name: str) -> BindParameter[Any]:
    """Return the column's value as a parameter of its type."""
    return bindparam(f"{_ASKED}{name}", type_=ModelCallRow.__table__.c[name].type)


def _find_or_open() -> Select[Any]:
    """Return one statement, since it runs before every call.

    It finds a paid answer, else an open call of the same question, else it opens one, if the article is being made.
    Then the article is generating. Its parameters are ``id`` and the fields of CallRequest, prefixed, and ``may_open``.
    """
    same_question = [
        *(getattr(ModelCallRow, name) == _parameter(name) for name in ("article_id", "revision", "stage", "round")),
        # Rows of earlier versions have the hash of all that was sent.
        or_(
            ModelCallRow.question == _parameter("question"),
            and_(ModelCallRow.question.is_(None), ModelCallRow.prompt_hash == _parameter("prompt_hash")),
        ),
    ]
    paid = (
        select(*(getattr(ModelCallRow, name) for name in PaidAnswer.model_fields))
        .where(*same_question, ModelCallRow.status == CallStatus.ANSWERED)
        .order_by(ModelCallRow.opened_at.desc())
        .limit(1)
        .cte("paid")
    )
    held = (
        select(ModelCallRow.id, ModelCallRow.worker, ModelCallRow.opened_at)
        .where(*same_question, ModelCallRow.status == CallStatus.OPEN)
        .limit(1)
        .cte("held")
    )
    article = begun(_parameter("article_id"))
    of_article = ("batch_id", "site", "keyword")
    names = ["id", *CallRequest.model_fields]
    row = (
        select(
            *map(_parameter, names), literal(CallStatus.OPEN.value), *(getattr(ArticleRow, name) for name in of_article)
        )
        .where(ArticleRow.id == _parameter("article_id"), ArticleRow.status.in_(_MAY_BUY))
        .where(_MAY_OPEN, ~exists().select_from(paid), ~exists().select_from(held))
    )
    opened = (
        insert(ModelCallRow)
        .from_select([*names, "status", *of_article], row, include_defaults=False)
        .on_conflict_do_nothing()  # another attempt opened it in this moment
        .returning(ModelCallRow.id)
        .cte("opened")
    )
    every = [*paid.c, held.c.id.label("held_id"), held.c.worker, held.c.opened_at, opened.c.id.label("opened_id")]
    one = select(literal(1).label("one")).cte("one")
    return (
        select(*every)
        .select_from(one)
        .outerjoin(paid, true())
        .outerjoin(held, true())
        .outerjoin(opened, true())
        .add_cte(article)
    )


# Built once: putting such a statement together costs more than running it.
_FIND_OR_OPEN = _find_or_open()
_CLOSE = (
    update(ModelCallRow)
    .where(ModelCallRow.id == bindparam("call_id"))
    .values(
        closed_at=func.now(),
        model=func.coalesce(bindparam("named_model"), ModelCallRow.model),
        **{name: bindparam(name) for name in CallResult.model_fields if name != "model"},
    )
    .execution_options(synchronize_session=False)
)
_WRITE_OFF = (
    update(ModelCallRow)
    .where(ModelCallRow.id == bindparam("call_id"), ModelCallRow.status == CallStatus.OPEN)
    .values(status=CallStatus.LOST, closed_at=func.now())
    .returning(ModelCallRow.id)
    .execution_options(synchronize_session=False)
)


class ModelCallRepository:
    """The ledger of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_or_open(
        self, request: CallRequest, *, may_open: bool = True
    ) -> PaidAnswer | HeldCall | CallId | None:
        """Return the paid answer, an open call, or a new call's id.

        The open call is of the same question. None: none may be opened, another attempt opened one in this moment, or
        the article is not being made.
        """
        asked = request.model_dump() | {"id": CallId(uuid4())}
        parameters = {f"{_ASKED}{name}": value for name, value in asked.items()} | {"may_open": may_open}
        result = await self._session.execute(_FIND_OR_OPEN, parameters)
        row = result.one()
        if row.answer is not None:
            return PaidAnswer.model_validate(row)
        if row.held_id is not None:
            return HeldCall(id=row.held_id, worker=row.worker, opened_at=row.opened_at)
        return CallId(row.opened_id) if row.opened_id is not None else None

    async def write_off_call(self, call_id: CallId) -> bool:
        """Close an open call whose worker is dead.

        It may have been paid for. Return whether it was open.
        """
        return await self._session.scalar(_WRITE_OFF, {"call_id": call_id}) is not None

    async def list_open(self, worker: str, *, older_than: timedelta) -> list[CallId]:
        """Return the open calls of a worker."""
        statement = select(ModelCallRow.id).where(
            ModelCallRow.status == CallStatus.OPEN,
            ModelCallRow.worker == worker,
            ModelCallRow.opened_at < func.now() - older_than,
        )
        return [CallId(id_) for id_ in await self._session.scalars(statement)]

    async def close(self, call_id: CallId, result: CallResult) -> None:
        """Store the result of the call.

        A call that was written off as lost is corrected.
        """
        columns = result.model_dump()
        await self._session.execute(_CLOSE, columns | {"named_model": columns.pop("model"), "call_id": call_id})

    async def discard(self, article_id: ArticleId, revision: int, stage: Stage) -> None:
        """Keep the stage's answers, but never use them again.

        They were rejected for good.
        """
        await self._session.execute(
            update(ModelCallRow)
            .where(
                ModelCallRow.article_id == article_id,
                ModelCallRow.revision == revision,
                ModelCallRow.stage == stage,
                ModelCallRow.status == CallStatus.ANSWERED,
            )
            .values(status=CallStatus.DISCARDED)
        )

    async def write_off(self, *article_ids: ArticleId) -> None:
        """Close the calls that are open when their articles end.

        Their worker died or was stopped. A worker that lives closes its calls itself: it may have an answer that the
        database did not take.
        """
        lives = exists().where(
            WorkerRow.instance == ModelCallRow.worker,
            WorkerRow.said_goodbye_at.is_(None),
            WorkerRow.taken_over_at.is_(None),
        )
        await self._session.execute(
            update(ModelCallRow)
            .where(ModelCallRow.article_id.in_(article_ids), ModelCallRow.status == CallStatus.OPEN, ~lives)
            .values(status=CallStatus.LOST, closed_at=func.now())
        )

    async def list_articles_held(self, worker: str) -> list[ArticleId]:
        """Return the articles that the worker has an open call for."""
        statement = select(ModelCallRow.article_id).where(
            ModelCallRow.worker == worker, ModelCallRow.status == CallStatus.OPEN, ModelCallRow.article_id.is_not(None)
        )
        return [article_id for article_id in await self._session.scalars(statement) if article_id is not None]

    async def list_for_article(self, article_id: ArticleId) -> list[ModelCall]:
        """Return the article's calls in the order of opening."""
        statement = select(ModelCallRow).where(ModelCallRow.article_id == article_id)
        rows = await self._session.scalars(statement.order_by(ModelCallRow.opened_at))
        return [ModelCall.model_validate(row) for row in rows]

    async def count_attempts(self, article_id: ArticleId, revision: int, stage: Stage) -> int:
        """Return how many activity attempts opened a call for the stage."""
        statement = select(func.count(ModelCallRow.attempt.distinct())).where(
            ModelCallRow.article_id == article_id, ModelCallRow.revision == revision, ModelCallRow.stage == stage
        )
        return await self._session.scalar(statement) or 0

    async def sum_usage(self, *, batch_id: BatchId | None = None, article_id: ArticleId | None = None) -> Spend:
        """Return what the calls of a batch or an article used together."""
        calls = select(
            func.count(ModelCallRow.id),
            func.coalesce(func.sum(ModelCallRow.input_tokens), 0),
            func.coalesce(func.sum(ModelCallRow.output_tokens), 0),
            func.coalesce(func.sum(ModelCallRow.cost_usd), literal(Decimal(0))),
            func.count().filter(ModelCallRow.cost_usd.is_(None), ModelCallRow.status != CallStatus.OPEN),
        )
        if batch_id:
            calls = calls.where(ModelCallRow.batch_id == batch_id)
        if article_id:
            calls = calls.where(ModelCallRow.article_id == article_id)
        count, input_tokens, output_tokens, cost, unpriced = (await self._session.execute(calls)).one()
        return Spend(
            calls=count, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost, unpriced_calls=unpriced
        )

    async def sum_cost_since(self, site: str, since: datetime) -> Decimal:
        """Return what the site's priced calls cost since then, in US dollars."""
        total = await self._session.scalar(
            select(func.sum(ModelCallRow.cost_usd)).where(ModelCallRow.site == site, ModelCallRow.opened_at >= since)
        )
        return total or Decimal(0)

    async def mean_article_cost(self, site: str) -> Decimal | None:
        """Return the mean cost of recent articles in US dollars.

        These are the site's last hundred finished ones.

        None when there is none yet, or when any of their calls has no known price.
        """
        complete = [status for status in ArticleStatus if status.is_complete]
        recent = (
            select(ArticleRow.id)
            .where(ArticleRow.site == site, ArticleRow.status.in_(complete))
            .order_by(ArticleRow.finished_at.desc())
            .limit(100)
            .subquery()
        )
        calls = select(
            func.sum(ModelCallRow.cost_usd),
            func.count(ModelCallRow.article_id.distinct()),
            func.count().filter(ModelCallRow.cost_usd.is_(None), ModelCallRow.status == CallStatus.ANSWERED),
        ).join(recent, recent.c.id == ModelCallRow.article_id)
        total, articles, unpriced = (await self._session.execute(calls)).one()
        return None if unpriced or not articles or total is None else total / articles
