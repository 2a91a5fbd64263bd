"""Reads articles as lists and pages show them, in one query."""

from typing import Any

from sqlalchemy import Row, Select, and_, func, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import defer

from src.domain.article import Article, ArticleStatus, Failure
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Spend

from .tables import ArticleRow, ModelCallRow, StageOutputRow

_COPIED = (
    "id",
    "batch_id",
    "site",
    "keyword",
    "words",
    "offline",
    "created_at",
    "started_at",
    "finished_at",
)


def summaries() -> Select[Any]:
    """Return articles with their finished stages and what their calls used."""
    stage_model = StageOutputRow.provider + ":" + StageOutputRow.model
    done = (
        select(
            func.array_agg(aggregate_order_by(StageOutputRow.stage, StageOutputRow.stage)).label("stages"),
            func.array_agg(stage_model.distinct()).label("models"),
        )
        .where(StageOutputRow.article_id == ArticleRow.id, StageOutputRow.revision == ArticleRow.revision)
        .correlate(ArticleRow)
        .lateral("done")
    )
    spent = (
        select(
            func.count().label("calls"),
            func.coalesce(func.sum(ModelCallRow.input_tokens), 0).label("input_tokens"),
            func.coalesce(func.sum(ModelCallRow.output_tokens), 0).label("output_tokens"),
            func.coalesce(func.sum(ModelCallRow.cost_usd), 0).label("cost_usd"),
            func.count()
            .filter(and_(ModelCallRow.cost_usd.is_(None), ModelCallRow.status != CallStatus.OPEN))
            .label("unpriced"),
        )
        .where(ModelCallRow.article_id == ArticleRow.id)
        .correlate(ArticleRow)
        .lateral("spent")
    )
    unread = defer(ArticleRow.html), defer(ArticleRow.brief)  # a list would carry megabytes that it does not show
    statement = select(ArticleRow, done, spent).select_from(ArticleRow).options(*unread)
    return statement.join(done, true()).join(spent, true())


def to_failure(row: ArticleRow | Row[Any]) -> Failure | None:
    """Return the failure of an article's row, if it has one."""
    if not row.error_type:
        return None
    return Failure(
        stage=Stage(row.failed_stage) if row.failed_stage else None,
        error_type=row.error_type,
        message=row.error_message or "",
        attempts=row.attempts or 0,
    )


def to_article(row: ArticleRow, stages: list[str] | None, models: list[str] | None, *spent: Any) -> Article:  # noqa: ANN401
    """Return the article of a row of ``summaries``."""
    calls, input_tokens, output_tokens, cost_usd, unpriced = spent
    return Article(
        **{name: getattr(row, name) for name in _COPIED},
        status=ArticleStatus(row.status),
        stage_revision=row.revision,
        page_hash=row.content_hash,
        stages_done=tuple(Stage(stage) for stage in stages or ()),
        models=tuple(models or ()),
        failure=to_failure(row),
        spend=Spend(
            calls=calls,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=cost_usd,
            unpriced_calls=unpriced,
        ),
    )
