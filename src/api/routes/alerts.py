"""Alerts of the watchdog."""

from typing import Annotated

from fastapi import APIRouter, Query

from src.application import alerts
from src.domain.alert import Alert, AlertKind
from src.domain.paging import MomentPosition

from ..authentication import Acting
from ..pages import Asked, Listed, listed
from ..values import SiteFilter

router = APIRouter(tags=["alerts"])


@router.get("/alerts")
async def list_alerts(
    acting: Acting,
    paging: Asked,
    site: SiteFilter = None,
    kind: AlertKind | None = None,
    ended: Annotated[bool, Query(description="Also those that are over.")] = False,
) -> Listed[Alert]:
    """List what the watchdog found, the newest first."""
    page = await alerts.list_alert_page(
        acting.database,
        by=acting.principal,
        site=site,
        kind=kind,
        ended=ended,
        excerpt=paging.excerpt(MomentPosition),
    )
    return listed(page)
