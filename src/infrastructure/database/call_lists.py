"""Reads model calls of all articles, page by page, with their sum."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from src.domain.call_filter import CallFilter
from src.domain.errors import NotFound
from src.domain.ids import ArticleId, CallId
from src.domain.paging import Excerpt, MomentPosition, Page
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Dollars, Spend

from .model_calls import ModelCall
from .pages import in_order
from .tables import ModelCallRow


class ListedCall(BaseModel):
    """A call without its answer; None is unknown, of a cost unpriced."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CallId
    article_id: ArticleId | None
    site: str
    keyword: str
    revision: int
    stage: Stage
    round: int
    attempt: int
    provider: str
    model: str
    status: CallStatus
    input_tokens: int | None
    cache_read_tokens: int | None
    output_tokens: int | None
    cost_usd: Dollars | None
    latency_ms: int | None
    error_type: str | None
    error_message: str | None
    opened_at: datetime


_LISTED = tuple(getattr(ModelCallRow, name) for name in ListedCall.model_fields)


class CallOfSite(ModelCall):
    """A call, and the site that it was made for."""

    site: str
    keyword: str


class CallListRepository:
    """The lists of calls of one unit of work."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_for_article(self, article_id: ArticleId) -> list[ListedCall]:
        """Return the article's calls in the order of opening."""
        statement = select(*_LISTED).where(ModelCallRow.article_id == article_id).order_by(ModelCallRow.opened_at)
        return [ListedCall.model_validate(row) for row in await self._session.execute(statement)]

    async def list_page(
        self, where: CallFilter, *, sites: Collection[str] | None, excerpt: Excerpt[MomentPosition]
    ) -> Page[ListedCall, MomentPosition]:
        """Return a page of calls by their opening; ``sites`` None is all."""
        statement = select(*_LISTED).where(*_conditions(where, sites))
        rows = await self._session.execute(in_order(statement, ModelCallRow.opened_at, ModelCallRow.id, excerpt))
        found = [ListedCall.model_validate(row) for row in rows]
        return Page.of([(each, MomentPosition(at=each.opened_at, id=each.id)) for each in found], excerpt.limit)

    async def sum(self, where: CallFilter, *, sites: Collection[str] | None) -> Spend:
        """Return what all calls of the filter used together."""
        unpriced = func.count().filter(ModelCallRow.cost_usd.is_(None), ModelCallRow.status != CallStatus.OPEN)
        statement = select(
            func.count().label("calls"),
            func.coalesce(func.sum(ModelCallRow.input_tokens), 0).label("input_tokens"),
            func.coalesce(func.sum(ModelCallRow.output_tokens), 0).label("output_tokens"),
            func.coalesce(func.sum(ModelCallRow.cost_usd), literal(Decimal(0))).label("cost_usd"),
            unpriced.label("unpriced_calls"),
        )
        row = (await self._session.execute(statement.where(*_conditions(where, sites)))).mappings().one()
        return Spend.model_validate(dict(row))

    async def list_models(self, *, sites: Collection[str] | None) -> list[str]:
        """Return the models that were asked, by name."""
        statement = select(ModelCallRow.model).distinct().order_by(ModelCallRow.model)
        return list(await self._session.scalars(statement.where(*_conditions(CallFilter(), sites))))

    async def get(self, call_id: CallId) -> CallOfSite:
        """Return the call. Raises NotFound."""
        row = await self._session.scalar(select(ModelCallRow).where(ModelCallRow.id == call_id))
        if row is None:
            raise NotFound("model call", call_id)
        return CallOfSite.model_validate(row)


def _conditions(where: CallFilter, sites: Collection[str] | None) -> list[ColumnElement[bool]]:
    columns = {
        ModelCallRow.site: where.site,
        ModelCallRow.stage: where.stage,
        ModelCallRow.model: where.model,
        ModelCallRow.status: where.status,
        ModelCallRow.batch_id: where.batch,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in columns.items() if value is not None]
    return conditions if sites is None else [*conditions, ModelCallRow.site.in_(sites)]
