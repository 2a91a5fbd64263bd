"""Publications: requested, followed, undone, taken off, read back."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field, model_validator

from src.application import publishing
from src.application.publishing import PublicationResult, Verification
from src.domain.ids import ArticleId
from src.domain.paging import MomentPosition, Order
from src.domain.publishing import PublicationId, PublicationRecord, PublicationStatus

from .. import examples, values
from ..authentication import Acting
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import InArticle, Moment, Note, SiteFilter, SiteSlug, WhichColour

router = APIRouter(route_class=Route, tags=["publications"])

InPublication = Annotated[PublicationId, Path(description="The publication's id.")]


class Change(values.Body):
    """Whose workers carry it out."""

    colour: WhichColour | None = Field(default=None, description="Left out: the active colour.")


Changed = Annotated[Change, Body(openapi_examples={"by the usual ones": {"value": {}}})]


class Publish(Change):
    """When an approved text goes out."""

    at: Moment | None = Field(default=None, description="Left out: as soon as it can no longer be undone.")
    by_cadence: bool = Field(default=False, description="When the site has fewer articles a day than it says.")
    as_rendered: bool = Field(
        default=False, description="Take the page as this version renders it, though another one was shown."
    )

    @model_validator(mode="after")
    def says_when_once(self) -> Self:
        """Refuse a time and the cadence."""
        if self.at is not None and self.by_cadence:
            raise ValueError("give a time or the cadence, not both")
        return self


class Force(Publish):
    """Why text of the offline writer goes out all the same."""

    reason: Note


@router.get("/publications")
async def list_publications(
    acting: Acting,
    paging: Asked,
    site: SiteFilter = None,
    article: Annotated[ArticleId | None, Query(description="Only this article's.")] = None,
    status: Annotated[list[PublicationStatus] | None, Query(description="Several may be given.")] = None,
    order: Order = Order.NEWEST,
) -> Listed[PublicationRecord]:
    """List publications in the order in which they were requested."""
    page = await publishing.list_publication_page(
        acting.database,
        by=acting.principal,
        site=site,
        article_id=article,
        statuses=status or (),
        excerpt=paging.excerpt(MomentPosition, order),
    )
    return listed(page)


@router.get("/publications/{publication}")
async def show_publication(acting: Acting, publication: InPublication) -> PublicationRecord:
    """Show how far a publication got, and what reading it back found."""
    return await publishing.read_publication(acting.database, publication, by=acting.principal)


@router.post("/articles/{article}/publish", status_code=202)
async def publish(
    acting: Acting,
    article: InArticle,
    asked: Annotated[Publish, Body(openapi_examples={"at a time": {"value": examples.PUBLICATION}})],
) -> PublicationResult:
    """Publish the approved text.

    Now, at a time, or by the site's cadence. Until it is due it can be undone.
    Nothing is published twice, however often this is sent."""
    return await acting.publishing.publish(article, **asked.model_dump())


@router.post("/articles/{article}/publish/force", status_code=202)
async def force_publication(
    acting: Acting,
    article: InArticle,
    asked: Annotated[Force, Body(openapi_examples={"a demonstration": {"value": examples.FORCED}})],
) -> PublicationResult:
    """Publish the approved text though the offline writer wrote it.

    Search engines are told not to index it."""
    return await acting.publishing.publish(article, forced=asked.reason, **asked.model_dump(exclude={"reason"}))


@router.post("/articles/{article}/publish/undo")
async def undo_publication(acting: Acting, article: InArticle) -> list[PublicationRecord]:
    """Undo what is not out yet; it leaves no trace."""
    return await acting.publishing.undo(article)


@router.post("/articles/{article}/publish/take-off", status_code=202)
async def take_page_off(acting: Acting, article: InArticle, asked: Changed) -> PublicationResult:
    """Take the page off the site, out of sitemap and feed.

    Its bytes are kept."""
    return await acting.publishing.take_off(article, colour=asked.colour)


@router.post("/articles/{article}/publish/restore", status_code=202)
async def restore_page(acting: Acting, article: InArticle, asked: Changed) -> PublicationResult:
    """Put the page back that was taken off, with its dates."""
    return await acting.publishing.restore(article, colour=asked.colour)


@router.post("/articles/{article}/publish/verify")
async def verify_article(acting: Acting, article: InArticle) -> list[Verification]:
    """Read the published page back and compare it with what was approved."""
    return await acting.publishing.verify(article_id=article)


@router.post("/sites/{site}/publish/verify")
async def verify_site(acting: Acting, site: SiteSlug) -> list[Verification]:
    """Read all published pages of the site back."""
    return await acting.publishing.verify(site=site)
