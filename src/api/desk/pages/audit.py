"""Shows who did what, and hands the trail out."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from src.application import audit
from src.application.people import list_people
from src.application.sites import list_sites
from src.domain.errors import InputInvalid
from src.domain.paging import Excerpt, NumberPosition
from src.domain.permissions import Action

from ...routes.audit import Form, handed_out
from ..changes import changes
from ..shell import PATH, render, with_query
from ..signed_in import Desk

router = APIRouter()

_HERE = f"{PATH}/audit"
_ROWS = 50
_NOUNS = sorted({action.noun for action in Action})
Text = Annotated[str | None, Query(max_length=200)]


@router.get("/audit")
async def list_events(
    request: Request,
    desk: Desk,
    site: Text = None,
    noun: Text = None,
    who: Text = None,
    since: Text = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """List the events, the newest first, by site, noun, person and day."""
    by = desk.principal
    page = await audit.list_page(
        desk.database,
        by=by,
        site=site or None,
        noun=noun or None,
        who=who.strip() if who else None,
        since=_day(since),
        excerpt=Excerpt(after=NumberPosition(number=before) if before else None, limit=_ROWS),
    )
    query = {"site": site or None, "noun": noun or None, "who": who or None, "since": since or None}
    return await render(
        request,
        "audit.html",
        events=[(event, changes(event.before, event.after)) for event in page.items],
        query=query,
        chips=[
            (f"{name} {value}", with_query(_HERE, **query | {name: None})) for name, value in query.items() if value
        ],
        sites=[each.site.slug for each in await list_sites(desk.database, by=by)],
        nouns=_NOUNS,
        names=[each.name for each in await list_people(desk.database, by=by)] if by.may(Action.USER_READ, None) else [],
        following=with_query(_HERE, **query, before=page.last.number) if page.last else None,
        first=with_query(_HERE, **query) if before else None,
        exports=[
            (form, with_query(f"{_HERE}/export", form=form.value, site=query["site"], since=query["since"]))
            for form in Form
            if by.may(Action.AUDIT_READ, query["site"])
        ],
    )


@router.get("/audit/export")
async def export_events(desk: Desk, form: Form = Form.CSV, site: Text = None, since: Text = None) -> Response:
    """Hand out the trail as a file, the oldest event first."""
    return handed_out(desk.database, desk.principal, form=form, site=site or None, since=_day(since))


def _day(text: str | None) -> datetime | None:
    """Return the beginning of a day in UTC. Raises InputInvalid."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), UTC)
    except ValueError as error:
        raise InputInvalid("since", text, "write a day as 2026-12-01") from error
