"""Fields of forms of the console, within bounds."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Form
from pydantic import AfterValidator, StringConstraints

from src.application.sites import list_sites
from src.bootstrap import Application
from src.domain.permissions import Action
from src.domain.text import visible

from ..values import SLUG

Site = Annotated[str, Form(min_length=2, max_length=60, pattern=SLUG)]
Confirmed = Annotated[bool, Form()]


def _visible(text: str) -> str:
    return visible(text) or ""


Note = Annotated[str, StringConstraints(max_length=500), AfterValidator(_visible), Form()]
"""A remark on one line; empty if none was written."""


async def site_choices(acting: Application, action: Action = Action.SITE_READ) -> list[tuple[str, str]]:
    """Return slug and name of the sites that allow this."""
    sites = await list_sites(acting.database, by=acting.principal)
    return [(each.site.slug, each.site.name) for each in sites if acting.principal.may(action, each.site.slug)]


def temporal_link(acting: Application, workflow_id: str) -> str | None:
    """Return the workflow's page in Temporal's UI, None if that is unknown."""
    if acting.temporal_ui_url is None:
        return None
    return f"{acting.temporal_ui_url}/namespaces/{acting.namespace}/workflows/{quote(workflow_id, safe='')}"


def schedule_link(acting: Application, site: str) -> str | None:
    """Return the schedule's page in Temporal's UI, None if that is unknown."""
    if acting.temporal_ui_url is None:
        return None
    return f"{acting.temporal_ui_url}/namespaces/{acting.namespace}/schedules/{quote(f'site/{site}', safe='')}"
