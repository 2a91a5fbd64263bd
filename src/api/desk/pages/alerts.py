"""Alerts of the watchdog, open and ended."""

from fastapi import APIRouter, Request, Response

from src.application import alerts, schedules
from src.domain.paging import MomentPosition

from ...pages import Asked, listed
from ..console_words import ALERT
from ..filters import ChosenKind, ChosenSite
from ..forms import site_choices
from ..shell import PATH, render, with_query
from ..signed_in import Desk
from ..troubles import next_step

router = APIRouter()


@router.get("/alerts")
async def list_alerts(
    request: Request,
    acting: Desk,
    paging: Asked,
    site: ChosenSite = None,
    kind: ChosenKind = None,
    ended: bool = False,
) -> Response:
    """List alerts, the newest first."""
    page = listed(
        await alerts.list_alert_page(
            acting.database,
            by=acting.principal,
            site=site,
            kind=kind,
            ended=ended,
            excerpt=paging.excerpt(MomentPosition),
        )
    )
    zones = await schedules.list_time_zones(acting.database, by=acting.principal)
    here = {"site": site, "kind": kind, "ended": "true" if ended else None}
    rows = [
        (
            alert,
            ALERT[alert.kind],
            zones.get(alert.site or "", "UTC"),
            *next_step(alert, zones.get(alert.site or "", "UTC")),
        )
        for alert in page.items
    ]
    return await render(
        request,
        "alerts.html",
        rows=rows,
        sites=await site_choices(acting),
        kinds=[(each, words[1]) for each, words in ALERT.items()],
        chosen=here,
        tabs=[
            ("open", "Open", None, with_query(f"{PATH}/alerts", site=site, kind=kind)),
            ("all", "All, also ended", None, with_query(f"{PATH}/alerts", site=site, kind=kind, ended="true")),
        ],
        following=with_query(f"{PATH}/alerts", **here, cursor=page.next) if page.next else None,
        first=with_query(f"{PATH}/alerts", **here) if paging.cursor else None,
    )
