"""Articles: listed, shown in all their parts, started again."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from src.application import articles
from src.application.articles import ArticleOverview, StartedArticle
from src.domain.article import Article, ArticleStatus
from src.domain.finding import RevisionFinding
from src.domain.ids import BatchId, CallId
from src.domain.paging import MomentPosition, Order
from src.domain.revision import Revision, RevisionSummary
from src.domain.stages import Stage
from src.domain.usage import CallStatus, Dollars
from src.infrastructure.database.stage_outputs import StageOutput

from ..authentication import Acting
from ..etags import tag_text
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import Body, InArticle, Number, SiteFilter, WhichColour, Words

router = APIRouter(route_class=Route, tags=["articles"])

PAGE_POLICY = (  # the page is a stranger here: no script, no form, no frame, nothing of ours to reach
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


class Retry(Body):
    """How a stopped article is started again."""

    colour: WhichColour | None = Field(default=None, description="Whose workers make it; left out: the active ones.")


class Revise(Retry):
    """From where a complete article is made again."""

    from_stage: Stage = Field(description="This stage and those after it are made again, as the next stage revision.")


class Call(BaseModel):
    """A model call, without its answer.

    None is unknown, and of a cost unpriced.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: CallId
    revision: int = Field(description="The stage revision that it was made for.")
    stage: Stage
    prompt: str
    round: int
    attempt: int
    provider: str
    model: str
    worker: str
    colour: str | None
    code_version: str | None
    status: CallStatus
    stop_reason: str | None
    request_id: str | None
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost_usd: Dollars | None
    latency_ms: int | None
    error_type: str | None
    error_message: str | None
    opened_at: datetime
    closed_at: datetime | None


@router.get("/articles")
async def list_articles(
    acting: Acting,
    paging: Asked,
    site: SiteFilter = None,
    batch: BatchId | None = None,
    status: Annotated[list[ArticleStatus] | None, Query(description="Several may be given.")] = None,
    containing: Words = None,
    order: Order = Order.NEWEST,
) -> Listed[Article]:
    """List articles in the order in which they were made."""
    page = await articles.list_article_page(
        acting.database,
        by=acting.principal,
        site=site,
        batch_id=batch,
        statuses=status or (),
        containing=containing,
        excerpt=paging.excerpt(MomentPosition, order),
    )
    return listed(page)


@router.get("/articles/{article}")
async def show_article(acting: Acting, article: InArticle) -> ArticleOverview:
    """Show an article.

    Its status, cost and failure, its revisions, and what was found in the newest."""
    return await articles.read_article(acting.database, article, by=acting.principal)


@router.get("/articles/{article}/stages")
async def list_stages(acting: Acting, article: InArticle) -> list[StageOutput]:
    """List what each finished stage handed on."""
    return await articles.read_stages(acting.database, article, by=acting.principal)


@router.get("/articles/{article}/calls")
async def list_calls(acting: Acting, article: InArticle) -> list[Call]:
    """List the model calls with tokens, cost and errors."""
    calls = await articles.read_calls(acting.database, article, by=acting.principal)
    return [Call.model_validate(call) for call in calls]


@router.get("/articles/{article}/revisions")
async def list_revisions(acting: Acting, article: InArticle) -> list[RevisionSummary]:
    """List the revisions of the text, the oldest first."""
    return (await articles.read_article(acting.database, article, by=acting.principal)).revisions


@router.get("/articles/{article}/revisions/{number}")
async def show_revision(acting: Acting, article: InArticle, number: Number, response: Response) -> Revision:
    """Show a revision with its text, section by section.

    The ETag is the text's hash."""
    revision = await articles.read_revision(acting.database, article, number, by=acting.principal)
    tag_text(response, revision)
    return revision


@router.get("/articles/{article}/revisions/{number}/findings")
async def list_findings(acting: Acting, article: InArticle, number: Number) -> list[RevisionFinding]:
    """List what the rules found in a revision, the worst first."""
    return await articles.read_findings(acting.database, article, number, by=acting.principal)


@router.get("/articles/{article}/html", response_class=HTMLResponse)
async def show_page(acting: Acting, article: InArticle) -> Response:
    """Return the page of the newest revision.

    Browsers give it no right to act: no script, no form."""
    page = await articles.get_page(acting.database, article, by=acting.principal)
    return HTMLResponse(page.html, headers={"Content-Security-Policy": PAGE_POLICY})


@router.post("/articles/{article}/retry", status_code=202)
async def retry_article(acting: Acting, article: InArticle, asked: Retry) -> StartedArticle:
    """Start a stopped article again at the stage that failed.

    Finished stages are kept and cost nothing."""
    return await acting.articles.retry(article, colour=asked.colour)


@router.post("/articles/{article}/revise", status_code=202)
async def revise_article(acting: Acting, article: InArticle, asked: Revise) -> StartedArticle:
    """Make a stage and those after it again.

    It is the next stage revision, and what it makes the next revision of the text."""
    return await acting.articles.revise(article, from_stage=asked.from_stage, colour=asked.colour)
