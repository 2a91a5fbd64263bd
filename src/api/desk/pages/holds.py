"""Holds: what a person stopped, set and released."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from src.application import holds
from src.application.holds import HoldResult
from src.domain.errors import InputInvalid
from src.domain.hold import HoldDepth
from src.domain.permissions import Action

from ...values import SLUG
from ..console_words import HOLD
from ..forms import Note, site_choices
from ..notices import Notice
from ..shell import PATH, redirect, render
from ..signed_in import Desk
from ..wording import plural

router = APIRouter()

ALL = "*"
SiteOrAll = Annotated[str, Form(max_length=60, pattern=rf"^\*$|{SLUG}")]


@router.get("/holds")
async def list_holds(request: Request, acting: Desk) -> Response:
    """List what is held, with a form to hold more."""
    sites = await site_choices(acting, Action.HOLD_SET)
    every = [(ALL, "All sites")] if acting.principal.may(Action.HOLD_SET, None) else []
    return await render(
        request,
        "holds.html",
        holds=await holds.list_holds(acting.database, by=acting.principal),
        names=dict(await site_choices(acting)),
        choices=every + sites,
        depths=HOLD,
    )


@router.post("/holds")
async def set_hold(
    request: Request, acting: Desk, site: SiteOrAll, depth: Annotated[HoldDepth, Form()], note: Note
) -> Response:
    """Hold a site or all of them."""
    result = await acting.holds.set(_site(site), depth=depth, note=_noted(note))
    return redirect(request, f"{PATH}/holds", Notice(head="Held", text=f"{HOLD[depth][0]}. {_told(result)}"))


@router.get("/holds/release")
async def confirm_release(
    request: Request, acting: Desk, site: Annotated[str, Query(max_length=60, pattern=rf"^\*$|{SLUG}")]
) -> Response:
    """Show what releasing a hold does."""
    acting.principal.require(Action.HOLD_RELEASE, _site(site))
    names = dict(await site_choices(acting))
    where = "all sites" if site == ALL else names.get(site, site)
    lines = ["Batches and articles that wait go on at once, and cost money again."]
    lines += ["Sites with a hold of their own stay held."] if site == ALL else ["A hold on all sites stays."]
    return await render(
        request,
        "confirm.html",
        section="Holds",
        title=f"Release {where}?",
        lines=lines,
        action=f"{PATH}/holds/release",
        hidden=[("site", site)],
        button="Release the hold",
        back=f"{PATH}/holds",
    )


@router.post("/holds/release")
async def release_hold(request: Request, acting: Desk, site: SiteOrAll) -> Response:
    """End a hold."""
    result = await acting.holds.release(_site(site))
    if not result.changed:
        return redirect(request, f"{PATH}/holds", Notice(kind="off", head="Not held", text="Somebody released it."))
    return redirect(request, f"{PATH}/holds", Notice(head="Released", text=_told(result)))


def _site(given: str) -> str | None:
    return None if given == ALL else given


def _noted(note: str) -> str:
    """Return the remark. Raises InputInvalid where there is none."""
    if note:
        return note
    raise InputInvalid("note", "", "say why; others will want to know")


def _told(result: HoldResult) -> str:
    batches, articles = plural(result.batches, "batch", "batches"), plural(result.articles, "article")
    return f"{batches} and {articles} under way were told."
