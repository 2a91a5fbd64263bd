"""Reviews: the queue, one with all it holds, and what reviewers leave.

Decisions are in ``decisions``. A review has its article's id."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from src.application import reviews
from src.application.reviews import ReviewDetails
from src.domain.article import ArticleStatus
from src.domain.finding import RevisionFinding
from src.domain.paging import MomentPosition, Order
from src.domain.review import Comment, CommentId, Review
from src.infrastructure.database.reviews import QueuedReview

from .. import examples, values
from ..authentication import Acting
from ..etags import tag_text
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import NAME, Hash, InArticle, Remark, SiteFilter
from .articles import PAGE_POLICY

router = APIRouter(route_class=Route, tags=["reviews"])

InComment = Annotated[CommentId, Path(description="The comment's id.")]
FindingNumber = Annotated[int, Path(ge=0, le=1_000_000, description="The finding's number in the newest text.")]


@dataclass(frozen=True)
class Filters:
    """Which reviews a request asks for."""

    site: SiteFilter = None
    status: Annotated[
        list[ArticleStatus] | None, Query(description="Several may be given; left out: those that wait for a decision.")
    ] = None
    assignee: Annotated[str | None, Query(pattern=NAME, description="Only those given to this person.")] = None
    claimed: Annotated[bool | None, Query(description="Whether somebody looks at it now; left out: either.")] = None
    snoozed: Annotated[bool, Query(description="Also those that are put off.")] = False


class Claim(values.Body):
    """A claim, for ten minutes."""

    take_over: bool = Field(default=False, description="Although somebody else looks at it.")


class Assignment(values.Body):
    """To whom a review is given."""

    person: Annotated[str, StringConstraints(pattern=NAME)] | None = Field(description="null: to nobody.")


class NewComment(values.Body):
    """A comment to be left."""

    text: Remark
    section: str | None = Field(default=None, max_length=200, description="Left out: it is about the whole.")
    span: Remark | None = Field(default=None, description="The words of it that it is about.")


class Seen(values.Body):
    """What somebody has seen of the newest text."""

    sections: Annotated[list[str], Field(max_length=500)] | None = Field(
        default=None, description="Ids; the empty one is what stands before the first section. Left out: all."
    )


class Unseen(BaseModel):
    """Which sections are left to be seen."""

    model_config = ConfigDict(frozen=True)

    unseen: list[str]


class Waiver(values.Body):
    """Why a finding is acceptable in this text."""

    content_hash: Hash
    reason: Remark


@router.get("/reviews")
async def list_reviews(
    acting: Acting,
    paging: Asked,
    filters: Annotated[Filters, Depends()],
    order: Annotated[Order, Query(description="By how long they wait: oldest is the longest.")] = Order.OLDEST,
) -> Listed[QueuedReview]:
    """List reviews, the longest waiting first.

    Bulk decisions take article_id and content_hash of its rows."""
    page = await reviews.list_review_page(
        acting.database,
        by=acting.principal,
        site=filters.site,
        statuses=filters.status or (ArticleStatus.NEEDS_REVIEW,),
        assignee=filters.assignee,
        claimed=filters.claimed,
        snoozed=filters.snoozed,
        excerpt=paging.excerpt(MomentPosition, order),
    )
    return listed(page)


@router.get("/reviews/{article}")
async def show_review(acting: Acting, article: InArticle, response: Response) -> ReviewDetails:
    """Show an article's newest text with all that a reviewer needs.

    Its findings, comments and decisions, and who looks at it. The ETag is the text's hash."""
    details = await reviews.get_review(acting.database, article, by=acting.principal)
    tag_text(response, details.text)
    return details


@router.get("/reviews/{article}/page", response_class=HTMLResponse)
async def show_page_to_approve(acting: Acting, article: InArticle) -> Response:
    """Return the page as your approval would make it now.

    Browsers give it no right to act: no script, no form."""
    page = await reviews.get_review_page(acting.database, article, by=acting.principal)
    return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})


@router.post("/reviews/{article}/claim")
async def claim_review(
    acting: Acting,
    article: InArticle,
    asked: Annotated[Claim, Body(openapi_examples={"a claim": {"value": examples.CLAIM}})],
) -> Review:
    """Show others that you look at it, for ten minutes.

    Nobody is kept from deciding. Repeat it to keep it."""
    return await acting.reviews.claim(article, take_over=asked.take_over)


@router.post("/reviews/{article}/release")
async def release_review(acting: Acting, article: InArticle) -> Review:
    """End your claim; that of another stays."""
    return await acting.reviews.release(article)


@router.post("/reviews/{article}/assign")
async def assign_review(
    acting: Acting,
    article: InArticle,
    asked: Annotated[Assignment, Body(openapi_examples={"to Anna": {"value": examples.ASSIGNMENT}})],
) -> Review:
    """Give a review to somebody, or to nobody."""
    return await acting.reviews.assign(article, asked.person)


@router.post("/reviews/{article}/comments", status_code=201)
async def add_comment(
    acting: Acting,
    article: InArticle,
    asked: Annotated[NewComment, Body(openapi_examples={"on a section": {"value": examples.COMMENT}})],
) -> Comment:
    """Leave a comment at the newest text."""
    return await acting.reviews.comment(article, asked.text, block=asked.section, span=asked.span)


@router.post("/reviews/{article}/comments/{comment}/resolve")
async def resolve_comment(acting: Acting, article: InArticle, comment: InComment) -> Comment:
    """Note that a comment is settled; the first who does stays."""
    return await acting.reviews.resolve(article, comment)


@router.post("/reviews/{article}/seen")
async def see_sections(
    acting: Acting,
    article: InArticle,
    asked: Annotated[Seen, Body(openapi_examples={"two sections": {"value": examples.SEEN}})],
) -> Unseen:
    """Note which sections you have seen; one that changes is unseen again."""
    return Unseen(unseen=await acting.reviews.see(article, asked.sections))


@router.post("/reviews/{article}/findings/{finding}/waive")
async def waive_finding(
    acting: Acting,
    article: InArticle,
    finding: FindingNumber,
    asked: Annotated[Waiver, Body(openapi_examples={"a quote": {"value": examples.WAIVER}})],
) -> RevisionFinding:
    """Accept a finding in this text, so that it blocks no approval."""
    return await acting.decisions.waive(article, finding, expected=asked.content_hash, reason=asked.reason)
