"""Keywords of a site: listed, imported as lists, made ready again."""

import asyncio
import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from src.application import keywords, sites
from src.application.keywords import ImportReport
from src.domain.errors import FileInvalid
from src.domain.longtail import LongtailRecord, LongtailStatus
from src.domain.paging import ClaimPosition
from src.domain.permissions import Action
from src.intake import keyword_list
from src.intake.delimited import MAX_BYTES
from src.intake.keyword_list import KeywordList

from ...pages import Asked, listed
from ...values import SiteSlug
from ..notices import Notice
from ..shell import PATH, redirect, render, with_query
from ..signed_in import Desk
from ..uploads import KEPT_BYTES, Upload
from ..wording import plural

router = APIRouter()

LONGER_BODIES = {"/keyword-list": MAX_BYTES + 100_000}  # the file, and the other fields of its form
_SHOWN = 200  # rows of a verdict in a page

STATUS: dict[LongtailStatus, tuple[str, str]] = {
    LongtailStatus.READY: ("wait", "Ready"),
    LongtailStatus.CLAIMED: ("run", "At work"),
    LongtailStatus.WRITTEN: ("ok", "Written"),
    LongtailStatus.FAILED: ("bad", "Failed"),
}
Containing = Annotated[str, Query(max_length=120, pattern=r"^[^\x00]*$")]


@router.get("/keywords")
async def choose_site(request: Request, desk: Desk) -> Response:
    """Show the sites; with one alone its keywords."""
    found = await sites.list_sites(desk.database, by=desk.principal)
    if len(found) == 1:
        return redirect(request, f"{PATH}/keywords/{found[0].site.slug}")
    return await render(request, "keyword_sites.html", section="Keywords", sites=found)


@router.get("/keywords/{site}")
async def list_keywords(
    request: Request,
    desk: Desk,
    site: SiteSlug,
    paging: Asked,
    status: LongtailStatus | None = None,
    containing: Containing = "",
) -> Response:
    """List a site's keywords in the order in which batches take them."""
    details = await sites.get_site_details(desk.database, site, by=desk.principal)
    words = containing.strip()
    page = listed(
        await keywords.list_keyword_page(
            desk.database,
            site,
            by=desk.principal,
            status=status,
            containing=words or None,
            excerpt=paging.excerpt(ClaimPosition),
        )
    )
    base = f"{PATH}/keywords/{site}"
    total = sum(details.longtails.values())
    kept = words or None
    tabs = [("", "All", total, with_query(base, containing=kept))]
    tabs += [
        (each.value, word, details.longtails.get(each, 0), with_query(base, status=each.value, containing=kept))
        for each, (_, word) in STATUS.items()
    ]
    here = {"status": status.value if status else None, "containing": kept}
    return await render(
        request,
        "keywords.html",
        section="Keywords",
        site=details.site,
        total=total,
        tabs=tabs,
        chosen=status.value if status else "",
        containing=words,
        rows=page.items,
        states=STATUS,
        following=with_query(base, **here, cursor=page.next) if page.next else None,
        first=with_query(base, **here) if paging.cursor else None,
        may_import=desk.principal.may(Action.KEYWORDS_IMPORT, site),
        may_requeue=desk.principal.may(Action.KEYWORDS_REQUEUE, site),
        can_requeue=can_requeue,
        failed=details.longtails.get(LongtailStatus.FAILED, 0),
        limit=MAX_BYTES,
    )


def can_requeue(row: LongtailRecord) -> bool:
    """Return whether a keyword can be made ready again."""
    return row.status.may_become(LongtailStatus.READY) and row.status in (
        LongtailStatus.FAILED,
        LongtailStatus.WRITTEN,
    )


@router.post("/keywords/{site}/requeue")
async def requeue_keywords(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Make the selected keywords ready again, or all that failed."""
    form = await request.form()
    phrases = [each for each in form.getlist("phrase") if isinstance(each, str)]
    back = f"{PATH}/keywords/{site}"
    if not phrases and "all_failed" not in form:
        told = Notice(kind="warn", head="Nothing selected", text="Tick the keywords that are to be written again.")
        return redirect(request, back, told)
    count = await keywords.requeue_keywords(desk.database, site, phrases, by=desk.principal)
    told = Notice(
        head="Ready again", text=f"The next batch can take {plural(count, 'keyword')}.", link=f"{back}?status=ready"
    )
    return redirect(request, back, told)


@router.get("/keywords/{site}/keyword-list")
async def show_import(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show how a list is handed in."""
    desk.principal.require(Action.KEYWORDS_IMPORT, site)
    details = await sites.get_site_details(desk.database, site, by=desk.principal)
    return await _page(request, site=details.site)


@router.post("/keywords/{site}/keyword-list")
async def import_keywords(request: Request, desk: Desk, site: SiteSlug) -> Response:
    """Show what would become of each row; then store it.

    The second step carries the hash of what was shown, of the bytes and of the verdicts, and stores nothing else.
    """
    desk.principal.require(Action.KEYWORDS_IMPORT, site)
    details = await sites.get_site_details(desk.database, site, by=desk.principal)
    form = await request.form()
    seen, verdicts = str(form.get("seen", "")), str(form.get("verdicts", ""))
    upload = await Upload.read(request, pasted="pasted list")
    if upload is None:
        return await _page(request, site=details.site, status=422, problem="There is nothing to read: choose a file.")
    try:
        read = await asyncio.to_thread(keyword_list.read, upload.data, file=upload.name)  # it may take a minute
    except FileInvalid as error:
        return await _page(request, site=details.site, status=422, refused=error, name=upload.name)
    plan = await keywords.import_keywords(
        desk.database, site, read, by=desk.principal, source=upload.name, dry_run=True
    )
    if not seen:
        return await _page(request, site=details.site, upload=upload, read=read, plan=plan)
    if seen != upload.digest:
        problem = "This is not the file whose verdicts you saw; below are those of this one. Nothing was stored."
        return await _page(request, site=details.site, upload=upload, read=read, plan=plan, problem=problem, status=409)
    if verdicts != _digest(plan):
        problem = "The site's keywords changed since you looked; these are the verdicts now. Nothing was stored."
        return await _page(request, site=details.site, upload=upload, read=read, plan=plan, problem=problem, status=409)
    done = await keywords.import_keywords(desk.database, site, read, by=desk.principal, source=upload.name)
    return redirect(request, f"{PATH}/keywords/{site}", _told(done))


async def _page(  # noqa: PLR0913 - what a page shows
    request: Request,
    *,
    site: object,
    status: int = 200,
    problem: str | None = None,
    refused: FileInvalid | None = None,
    name: str | None = None,
    upload: Upload | None = None,
    read: KeywordList | None = None,
    plan: ImportReport | None = None,
) -> Response:
    return await render(
        request,
        "keyword_list.html",
        status=status,
        section="Keywords",
        site=site,
        problem=problem,
        refused=refused,
        name=name,
        upload=upload,
        read=read,
        plan=plan,
        verdicts=_digest(plan) if plan else "",
        left_out=_left_out(plan) if plan else {},
        shown=_SHOWN,
        limit=MAX_BYTES,
        kept_bytes=KEPT_BYTES,
    )


def _left_out(plan: ImportReport) -> dict[str, list[tuple[int, str, str]]]:
    """Return the rows that are not added, by why."""
    double, unusable = [], []
    for row in plan.rows:
        if row.reason.startswith("rejected: "):
            unusable.append((row.line, row.text, row.reason.removeprefix("rejected: ")))
        else:
            double.append((row.line, row.text, row.reason.removeprefix("merged: ")))
    return {"unusable": unusable, "double": double}


def _digest(plan: ImportReport) -> str:
    """Return a name of the verdicts."""
    document = plan.model_dump(mode="json")
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _told(done: ImportReport) -> Notice:
    left = f"{done.known + done.merged:,} were there already, {done.rejected:,} could not be used."
    if not done.added:
        return Notice(kind="off", head="Nothing new", text=left)
    return Notice(head=f"{plural(done.added, 'keyword')} added", text=left)
