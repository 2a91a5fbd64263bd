"""Batches: started, followed live, cancelled, and what failed tried again."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Header, Query, Request, Response

from src.application import batches, schedules
from src.application.batch_pages import read_batch_page, retry_failed
from src.domain.ids import ArticleId
from src.domain.paging import MomentPosition
from src.domain.permissions import Action
from src.domain.progress import ProgressPosition
from src.domain.stage_failure import delay_after
from src.domain.stages import STAGES
from src.infrastructure.database.batch_progress import BatchArticle, Shown

from ...pages import Asked, listed
from ...values import InBatch, WhichColour
from ..console_words import TRIGGER
from ..filters import ChosenSite, ChosenStatus, ChosenTrigger
from ..forms import Site, site_choices, temporal_link
from ..live import follow_batch
from ..notices import Notice
from ..shell import PATH, redirect, render, with_query
from ..signed_in import Desk
from ..wording import article_state, moment, plural, state

router = APIRouter()

_TABS = (
    (Shown.ALL, "All"),
    (Shown.AT_WORK, "At work"),
    (Shown.STRUGGLING, "Struggling"),
    (Shown.FAILED, "Failed"),
    (Shown.REVIEW, "To review"),
)


@router.get("/batches")
async def list_batches(
    request: Request,
    acting: Desk,
    paging: Asked,
    site: ChosenSite = None,
    status: ChosenStatus = None,
    trigger: ChosenTrigger = None,
    starting: str = "",
) -> Response:
    """List batches, the newest slot first."""
    page = listed(
        await batches.list_batch_page(
            acting.database,
            by=acting.principal,
            site=site,
            status=status,
            trigger=trigger,
            excerpt=paging.excerpt(MomentPosition),
        )
    )
    here = {"site": site, "status": status, "trigger": trigger}
    return await render(
        request,
        "batches.html",
        batches=page.items,
        is_starting=bool(starting),
        sites=await site_choices(acting),
        zones=await schedules.list_time_zones(acting.database, by=acting.principal),
        chosen=here,
        triggers=TRIGGER,
        following=with_query(f"{PATH}/batches", **here, cursor=page.next) if page.next else None,
        first=with_query(f"{PATH}/batches", **here) if paging.cursor else None,
    )


@router.get("/batches/new")
async def offer_start(request: Request, acting: Desk, site: ChosenSite = None) -> Response:
    """Show the form that starts a batch."""
    sites = await site_choices(acting, Action.BATCH_START)
    return await render(request, "batch_new.html", sites=sites, chosen=site)


@router.post("/batches")
async def start_batch(
    request: Request,
    acting: Desk,
    site: Site,
    articles: Annotated[int, Form(ge=1, le=10_000)],
    colour: Annotated[WhichColour | None, Form()] = None,
) -> Response:
    """Start a batch by hand."""
    slot = datetime.now(UTC).replace(microsecond=0)
    started = await acting.batches.start(site, colour=colour, slot=slot, limit=articles)
    words = f"Up to {plural(articles, 'article')} of {site}; its batch appears as soon as a worker takes it."
    if started.holds:
        words = f"It waits: {started.holds[0].held_by} holds it, “{started.holds[0].note}”."
    elif not started.has_workers:
        words = f"It waits: no {started.colour} worker is running."
    kind = "warn" if started.holds or not started.has_workers else "ok"
    notice = Notice(kind=kind, head="Started", text=words)
    return redirect(request, with_query(f"{PATH}/batches", site=site, starting="yes"), notice)


@router.get("/batches/{batch}")
async def show_batch(
    request: Request,
    acting: Desk,
    batch: InBatch,
    show: Shown = Shown.ALL,
    first: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Show a batch with a page of its articles."""
    page = await read_batch_page(acting.database, batch, by=acting.principal, shown=show, first=first)
    here = f"{PATH}/batches/{batch}"
    return await render(
        request,
        "batch.html",
        page=page,
        now=datetime.now(UTC),
        tabs=[
            (key, words, page.counts[key], with_query(here, show=None if key is Shown.ALL else key))
            for key, words in _TABS
        ],
        show=show,
        doing=_doing,
        stages_of_all=STAGES,
        temporal=temporal_link(acting, page.progress.batch.workflow_id),
        trigger=TRIGGER[page.progress.batch.trigger],
        following=with_query(here, show=show, first=page.following) if page.following is not None else None,
        first=with_query(here, show=show) if first else None,
    )


@router.get("/batches/{batch}/events")
async def follow_batch_events(
    request: Request,
    acting: Desk,
    batch: InBatch,
    after: Annotated[str | None, Query(max_length=40)] = None,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> Response:
    """Follow a batch by server-sent events, as long as the session lasts."""
    seen = last_event_id or after
    return await follow_batch(request, acting, batch, ProgressPosition.parse(seen) if seen else ProgressPosition())


@router.get("/batches/{batch}/cancel")
async def confirm_cancel(request: Request, acting: Desk, batch: InBatch) -> Response:
    """Show what cancelling does."""
    found = await batches.get_batch(acting.database, batch, by=acting.principal)
    acting.principal.require(Action.BATCH_CANCEL, found.site)
    zone = await schedules.get_time_zone(acting.database, found.site, by=acting.principal)
    return await render(request, "batch_cancel.html", batch=found, zone=zone)


@router.post("/batches/{batch}/cancel")
async def cancel_batch(request: Request, acting: Desk, batch: InBatch) -> Response:
    """Cancel a batch."""
    done = await acting.batches.cancel(batch)
    words = "What is finished stays, the other keywords are ready again."
    if not done.is_closed and not done.has_workers:
        words += f" No {done.batch.colour} worker is running; it ends as soon as one does."
    return redirect(request, f"{PATH}/batches/{batch}", Notice(head="Cancelled", text=words))


@router.post("/batches/{batch}/retry")
async def retry_all(
    request: Request, acting: Desk, batch: InBatch, count: Annotated[int, Form(ge=1, le=10_000)]
) -> Response:
    """Start all failed articles again, if their number was typed."""
    done = await retry_failed(acting.database, acting.articles, batch, expected=count, by=acting.principal)
    words = f"{plural(done.started, 'article goes', 'articles go')} on at the stage that failed."
    if done.refused:
        words += f" {len(done.refused)} could not be started: {done.refused[0]}"
    notice = Notice(kind="warn" if done.refused else "ok", head="Tried again", text=words[:600])
    return redirect(request, f"{PATH}/batches/{batch}", notice)


@router.post("/batches/{batch}/articles/{article}/retry")
async def retry_article(request: Request, acting: Desk, batch: InBatch, article: ArticleId) -> Response:
    """Start one article again at the stage that failed."""
    started = await acting.articles.retry(article)
    words = f"“{started.article.keyword[:300]}” goes on at the stage that failed."
    if not started.has_workers:
        words += f" No {started.colour} worker is running; it waits."
    return redirect(request, f"{PATH}/batches/{batch}", Notice(head="Tried again", text=words))


def _doing(article: BatchArticle, zone: str) -> tuple[object, str]:
    """Return what an article does now, and why if it struggles."""
    if article.finished_at is not None or article.status not in ("generating", "queued"):
        why = f"{article.failure.stage or ''} {article.failure.message}".strip() if article.failure else ""
        return article_state(article.status), why if article.status == "failed" else ""
    if article.trouble and article.calling is None:
        due = article.trouble.at + delay_after(article.trouble.failures)
        when = f" at {moment(due, zone, seconds=True).striptags()}" if due > datetime.now(UTC) else " soon"
        tries = plural(article.trouble.failures, "failure")
        word = f"{article.trouble.stage}: tries again{when}"
        return state(("warn", word)), f"{tries}. {article.trouble.message}"
    if article.calling:
        shape = "warn" if article.trouble else "run"
        tried = f", try {article.attempt}" if article.trouble and article.attempt else ""
        why = f"{article.trouble.failures} failed before. {article.trouble.message}" if article.trouble else ""
        return state((shape, f"{article.calling}: writing {article.calling.label}{tried}")), why
    if article.status == "queued":
        return state(("wait", "Waits for its turn")), ""
    return state(("wait", f"{article.stage or 'D'}: waits for a model slot")), ""
