"""Batches: started, followed, cancelled."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field

from src.application import batches
from src.application.batches import BatchOverview, CancelledBatch, StartedBatch
from src.domain.batch import Batch, BatchStatus, Trigger
from src.domain.paging import MomentPosition, Order
from src.domain.progress import ProgressPosition

from ..authentication import Acting
from ..events import EVENTS, follow
from ..once import Route
from ..pages import Asked, Listed, listed
from ..values import Body, InBatch, Moment, SiteFilter, SiteSlug, WhichColour

router = APIRouter(route_class=Route, tags=["batches"])


class Start(Body):
    """A batch to be started."""

    slot: Moment | None = Field(default=None, description="Its slot; left out: this second.")
    limit: int | None = Field(default=None, ge=1, le=10_000, description="At most so many articles.")
    force: bool = Field(default=False, description="Run a slot again that is done.")
    colour: WhichColour | None = Field(default=None, description="Whose workers make it; left out: the active ones.")


@router.get("/batches")
async def list_batches(
    acting: Acting,
    paging: Asked,
    site: SiteFilter = None,
    status: BatchStatus | None = None,
    trigger: Trigger | None = None,
    order: Order = Order.NEWEST,
) -> Listed[Batch]:
    """List batches by slot."""
    page = await batches.list_batch_page(
        acting.database,
        by=acting.principal,
        site=site,
        status=status,
        trigger=trigger,
        excerpt=paging.excerpt(MomentPosition, order),
    )
    return listed(page)


@router.post("/sites/{site}/batches", status_code=202)
async def start_batch(acting: Acting, site: SiteSlug, asked: Start) -> StartedBatch:
    """Start a batch.

    It claims the site's next keywords and makes an article of each."""
    return await acting.batches.start(site, colour=asked.colour, slot=asked.slot, limit=asked.limit, force=asked.force)


@router.get("/batches/{batch}")
async def show_batch(acting: Acting, batch: InBatch) -> BatchOverview:
    """Show a batch with its counts, its cost and its holds."""
    return await batches.get_batch_overview(acting.database, batch, by=acting.principal)


@router.get("/batches/{batch}/events", responses=EVENTS, response_class=Response)
async def follow_batch(
    acting: Acting,
    batch: InBatch,
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=40, description="The id of the last event seen.")] = None,
) -> Response:
    """Follow a batch by server-sent events.

    Every step from its beginning, or those after Last-Event-ID. The batch has ended with the event `end`."""
    after = ProgressPosition.parse(last_event_id) if last_event_id else ProgressPosition()
    return await follow(request, acting, batch, after)


@router.post("/batches/{batch}/cancel", status_code=202)
async def cancel_batch(acting: Acting, batch: InBatch) -> CancelledBatch:
    """Stop a batch: finished articles stay, the other keywords become ready."""
    return await acting.batches.cancel(batch)
