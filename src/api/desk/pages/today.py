"""Today: trouble, what runs, what waits, what went live."""

from fastapi import APIRouter, Request, Response

from src.application.today import read_today
from src.domain.alert import AlertKind

from ..console_words import ALERT, SITE
from ..live import watch_all
from ..shell import render
from ..signed_in import Desk
from ..troubles import list_troubles, next_step

router = APIRouter()

_ALERTS_SHOWN = 4  # the newest; a link leads to all


@router.get("/")
async def show_today(request: Request, acting: Desk) -> Response:
    """Show the day."""
    today = await read_today(acting.database, acting.schedules, by=acting.principal)
    alerts = [
        (alert, ALERT[alert.kind], *next_step(alert, today.zones.get(alert.site or "", "UTC")))
        for alert in today.alerts
        if alert.kind is not AlertKind.SLOT_MISSING  # gaps are among what needs somebody, a row for each site
    ][:_ALERTS_SHOWN]
    return await render(
        request,
        "today.html",
        today=today,
        troubles=list_troubles(today, acting.principal),
        alerts=alerts,
        words=SITE,
    )


@router.get("/events")
async def watch_today(request: Request, acting: Desk) -> Response:
    """Send an event whenever something changed."""
    return watch_all(request, acting)
