"""The ledger's rows: opened and committed before a call, closed with its answer or error after it.

An open row after a crash is a known unknown: it may have been paid. A paid answer is found again by what was asked.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, field_serializer
from sqlalchemy import Text, bindparam, cast, func, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.article import ArticleStatus
from src.domain.ids import ArticleId, BatchId, CallId
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Spend, in_digits

from .models import ArticleRow, ModelCallRow


class CallRequest(BaseModel):
    """What identifies a call before it is made."""

    model_config = ConfigDict(frozen=True)

    article_id: ArticleId
    revision: int
    stage: Stage
    prompt: str
    prompt_hash: str
    round: int
    attempt: int
    provider: str
    model: str
    worker: str


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
    """One call as the ledger has it; None is unknown, and of a cost unpriced."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CallId
    article_id: ArticleId
    revision: int
    stage: Stage
    prompt: str
    prompt_hash: str
    round: int
    attempt: int
    provider: str
    model: str
    worker: str
    status: CallStatus
    answer: str | None
    stop_reason: str | None
    request_id: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    latency_ms: int | None
    error_type: str | None
    error_message: str | None
    opened_at: datetime
    closed_at: datetime | None

    @field_serializer("cost_usd", when_used="json")
    def _as_digits(self, cost: Decimal | None) -> str | None:
        return None if cost is None else in_digits(cost)

    @field_serializer("opened_at", "closed_at", when_used="json")
    def _as_utc(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(UTC).isoformat()


_CLOSED_WITH = (
    *("status", "latency_ms", "answer", "stop_reason", "request_id", "error_type", "error_message"),
    *("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "cost_usd"),
)

# One statement, since it runs before every call: find a paid answer; else write off the calls that a dead attempt left
# open, and open a new one. Either way the article is under way.
_OPEN = text("""
WITH paid AS (
    SELECT answer, stop_reason, model, request_id, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens
    FROM model_calls
    WHERE article_id = :article_id AND revision = :revision AND stage = :stage
      AND prompt_hash = :prompt_hash AND round = :round AND status = 'answered'
    ORDER BY opened_at DESC LIMIT 1
), lost AS (
    UPDATE model_calls SET status = 'lost', closed_at = now()
    WHERE article_id = :article_id AND revision = :revision AND stage = :stage AND status = 'open'
), under_way AS (
    UPDATE articles SET status = 'generating', started_at = coalesce(started_at, now()), finished_at = NULL,
           failed_stage = NULL, error_type = NULL, error_message = NULL, attempts = NULL
    WHERE id = :article_id AND status IN ('queued', 'failed')
), opened AS (
    INSERT INTO model_calls (id, article_id, revision, stage, prompt, prompt_hash, round, attempt, provider, model,
                             worker, status)
    SELECT :id, :article_id, :revision, :stage, :prompt, :prompt_hash, :round, :attempt, :provider, :model, :worker,
           'open'
    WHERE NOT EXISTS (SELECT FROM paid)
)
SELECT * FROM paid
""")


# Built once: putting such a statement together costs more than running it.
_CLOSE = (
    update(ModelCallRow)
    .where(ModelCallRow.id == bindparam("call_id"))
    .values(
        closed_at=func.now(),
        model=func.coalesce(bindparam("named_model"), ModelCallRow.model),
        **{name: bindparam(name) for name in _CLOSED_WITH},
    )
    .execution_options(synchronize_session=False)
)


class ModelCallRepository:
    """The ledger of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_or_open(self, request: CallRequest) -> PaidAnswer | CallId:
        """Return the answer that was paid for this very question, else the id of a call opened for it."""
        call_id = CallId(uuid4())
        result = await self._session.execute(_OPEN, request.model_dump() | {"id": call_id})
        paid = result.one_or_none()
        return PaidAnswer.model_validate(paid) if paid else call_id

    async def close(self, call_id: CallId, **columns: Any) -> None:  # noqa: ANN401 - columns of model_calls
        """Write what came of the call, also when a later attempt had already given it up as lost."""
        known = dict.fromkeys(_CLOSED_WITH) | {"named_model": None}
        if "model" in columns:
            columns["named_model"] = columns.pop("model")
        await self._session.execute(_CLOSE, known | columns | {"call_id": call_id})

    async def discard(self, article_id: ArticleId, revision: int, stage: Stage) -> None:
        """Keep the stage's answers as paid, but never use them again: they were rejected for good."""
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

    async def write_off(self, article_id: ArticleId) -> None:
        """Give up the calls still open when the article ends: their worker died, or was stopped as they began."""
        await self._session.execute(
            update(ModelCallRow)
            .where(ModelCallRow.article_id == article_id, ModelCallRow.status == CallStatus.OPEN)
            .values(status=CallStatus.LOST, closed_at=func.now())
        )

    async def list_for_article(self, article_id: ArticleId) -> list[ModelCall]:
        """Return every call for the article, in the order in which they were opened."""
        statement = select(ModelCallRow).where(ModelCallRow.article_id == article_id)
        rows = await self._session.scalars(statement.order_by(ModelCallRow.opened_at))
        return [ModelCall.model_validate(row) for row in rows]

    async def count_attempts(self, article_id: ArticleId, revision: int, stage: Stage) -> int:
        """How many activity attempts bought something for the stage."""
        statement = select(func.count(ModelCallRow.attempt.distinct())).where(
            ModelCallRow.article_id == article_id, ModelCallRow.revision == revision, ModelCallRow.stage == stage
        )
        return await self._session.scalar(statement) or 0

    async def sum_usage(self, *, batch_id: BatchId | None = None, article_id: ArticleId | None = None) -> Spend:
        """What the calls of a batch or an article used together."""
        calls = select(
            func.count(ModelCallRow.id),
            func.coalesce(func.sum(ModelCallRow.input_tokens), 0),
            func.coalesce(func.sum(ModelCallRow.output_tokens), 0),
            func.coalesce(func.sum(ModelCallRow.cost_usd), literal(Decimal(0))),
            func.count().filter(ModelCallRow.cost_usd.is_(None), ModelCallRow.status != cast("open", Text)),
        ).join(ArticleRow, ArticleRow.id == ModelCallRow.article_id)
        if batch_id:
            calls = calls.where(ArticleRow.batch_id == batch_id)
        if article_id:
            calls = calls.where(ArticleRow.id == article_id)
        count, input_tokens, output_tokens, cost, unpriced = (await self._session.execute(calls)).one()
        return Spend(
            calls=count, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost, unpriced_calls=unpriced
        )

    async def mean_article_cost(self, site: str) -> Decimal | None:
        """What one of the site's last hundred finished articles cost on average, in US dollars.

        None when there is none yet, or when any of their calls has no known price.
        """
        recent = (
            select(ArticleRow.id)
            .where(ArticleRow.site == site, ArticleRow.status == ArticleStatus.NEEDS_REVIEW)
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
