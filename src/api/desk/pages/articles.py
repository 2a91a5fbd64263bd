"""The list of all articles, whatever their state."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from src.application.articles import list_article_page, list_failures
from src.application.batches import list_batches
from src.domain.article import ArticleStatus
from src.domain.ids import BatchId
from src.domain.permissions import Action
from src.domain.site import Slug
from src.domain.stages import STAGES

from ..list_query import address, excerpt_of, following, read_query
from ..shell import render
from ..signed_in import Desk
from ..site_names import batch_choices, readable_sites
from ..wording import ARTICLE

router = APIRouter()

LIST = "/desk/articles"
_ROWS = 50


def _trimmed(text: str) -> str:
    return " ".join(text.split())


class ArticleFilter(BaseModel):
    """Which articles the list shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: Annotated[str, StringConstraints(max_length=120, pattern=r"^[^\x00]*$"), AfterValidator(_trimmed)] | None = None
    site: Slug | None = None
    status: ArticleStatus | None = None
    batch: BatchId | None = None
    struggling: bool = False


@router.get("/articles")
async def show_articles(desk: Desk, request: Request) -> Response:
    """List articles, the newest first."""
    where = read_query(ArticleFilter, request.query_params)
    page = await list_article_page(
        desk.database,
        by=desk.principal,
        site=where.site,
        batch_id=where.batch,
        statuses=[where.status] if where.status else (),
        containing=where.q,
        struggling=where.struggling,
        excerpt=excerpt_of(request.query_params.get("after"), _ROWS),
    )
    sites = await readable_sites(desk)
    batches = await list_batches(desk.database, by=desk.principal, limit=20)
    choices = batch_choices(batches, sites)
    named = {
        "q": f"words: {where.q}",
        "site": f"site: {sites[where.site].name if where.site in sites else where.site}",
        "status": f"state: {ARTICLE[where.status][1].lower()}" if where.status else "",
        "batch": f"batch: {dict(choices).get(str(where.batch), str(where.batch)[:8])}",
        "struggling": "struggling",
    }
    here = address(LIST, where)
    return await render(
        request,
        "articles.html",
        where=where,
        articles=page.items,
        failures=await list_failures(desk.database, page.items),
        sites=sites,
        stages=STAGES,
        choices={
            "site": [("", "All sites"), *((slug, site.name) for slug, site in sites.items())],
            "status": [("", "Any state"), *((status.value, words) for status, (_, words) in ARTICLE.items())],
            "batch": [("", "Any batch"), *choices],
        },
        chips=[(words, address(LIST, where, **{name: None})) for name, words in named.items() if getattr(where, name)],
        struggling=address(LIST, where, struggling=None if where.struggling else "yes"),
        following=following(here, page),
        first=here if request.query_params.get("after") else None,
        may_start=any(desk.principal.may(Action.BATCH_START, slug) for slug in sites),
    )
