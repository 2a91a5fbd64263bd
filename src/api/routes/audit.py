"""The audit trail: read in pages, handed out as a whole, verified."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from src.application import audit
from src.application.audit import AuditReport
from src.domain.paging import NumberPosition, Order
from src.domain.permissions import Action
from src.domain.principal import Principal
from src.infrastructure.database.audit import AuditEvent
from src.infrastructure.database.unit_of_work import Database
from src.rendering.spreadsheet import csv_line

from ..authentication import Acting
from ..pages import Asked, Listed, listed
from ..values import NAME, Moment, SiteFilter

router = APIRouter(tags=["audit"])

Noun = Annotated[str | None, Query(pattern="^[a-z]{1,20}$", description="What was acted on, such as schedule.")]
Who = Annotated[str | None, Query(pattern=NAME, description="Whose acts.")]


class Form(StrEnum):
    """Ways to hand the trail out."""

    CSV = "csv"
    LINES = "jsonl"


_MEDIA_TYPES = {Form.CSV: "text/csv", Form.LINES: "application/jsonl"}
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {"schema": {"type": "string"}} for media in _MEDIA_TYPES.values()}}
}


@router.get("/audit")
async def list_events(
    acting: Acting,
    paging: Asked,
    site: SiteFilter = None,
    noun: Noun = None,
    who: Who = None,
    since: Annotated[Moment | None, Query(description="From this moment on.")] = None,
    order: Order = Order.NEWEST,
) -> Listed[AuditEvent]:
    """List who did what, from where, from what to what."""
    page = await audit.list_page(
        acting.database,
        by=acting.principal,
        site=site,
        noun=noun,
        who=who,
        since=since,
        excerpt=paging.excerpt(NumberPosition, order),
    )
    return listed(page)


@router.get("/audit/export", responses=_EXPORT, response_class=Response)
async def export_events(
    acting: Acting,
    form: Annotated[Form, Query(description="A table for spreadsheets, or one JSON object a line.")] = Form.CSV,
    site: SiteFilter = None,
    since: Annotated[Moment | None, Query(description="From this moment on.")] = None,
) -> Response:
    """Hand out the trail, the oldest event first, read bit by bit."""
    return handed_out(acting.database, acting.principal, form=form, site=site, since=since)


@router.get("/audit/verify")
async def verify_events(acting: Acting) -> AuditReport:
    """Look for missing numbers, and compare each last event with its thing."""
    return await audit.verify(acting.database, by=acting.principal)


def handed_out(
    database: Database, by: Principal, *, form: Form, site: str | None, since: datetime | None
) -> StreamingResponse:
    """Return the trail as a file. Raises NotPermitted."""
    by.require(Action.AUDIT_READ, site)  # now: later the answer has begun
    events = audit.export(database, by=by, since=since, site=site)
    headers = {"Content-Disposition": f'attachment; filename="audit.{form}"'}
    return StreamingResponse(_written(events, form), media_type=_MEDIA_TYPES[form], headers=headers)


async def _written(events: AsyncIterator[AuditEvent], form: Form) -> AsyncIterator[str]:
    if form is Form.CSV:
        yield csv_line(list(AuditEvent.model_fields))
    async for event in events:
        if form is Form.LINES:
            yield f"{event.model_dump_json()}\n"
        else:
            yield csv_line([_cell(value) for value in event.model_dump(mode="json").values()])


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
