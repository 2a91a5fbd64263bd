"""The page of an article: read it, see what was found, decide."""

import asyncio
import secrets
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response

from src.application.article_view import ArticleView, read_article_view
from src.bootstrap import Application
from src.domain.article import ArticleStatus
from src.domain.errors import Conflict, LongtailError, NotPermitted
from src.domain.ids import ArticleId
from src.domain.permissions import Action
from src.domain.review import MOVES, DecisionKind

from ...values import MAX_REVISIONS, InArticle
from ..article_words import ARTICLE_WORDS, queries
from ..decided import decided_notice, shortened, undo_address
from ..decision_form import CHANGES, KEYWORDS, PUBLISH, REJECTIONS, WITHDRAWALS, DecisionForm
from ..effect_words import clock, effect_words
from ..neighbours import LONGEST_INSIDE, Around, around
from ..notices import Notice
from ..refusals import refusal_words
from ..shell import PATH, redirect, render, wants_json, with_query
from ..signed_in import Desk

router = APIRouter()

Inside = Annotated[str | None, Query(alias="in", max_length=LONGEST_INSIDE)]
Shown = Annotated[int | None, Query(alias="r", ge=1, le=MAX_REVISIONS)]
Decision = Annotated[int | None, Query(alias="n", ge=1, le=MAX_REVISIONS)]
PREFETCH = "x-longtail-prefetch"  # a script reads ahead: nobody looks at it yet


@router.get("/articles/{article}")
async def show_article(
    request: Request, desk: Desk, article: InArticle, number: Shown = None, inside: Inside = None
) -> Response:
    """Show the article; whoever opens it looks at it for ten minutes."""
    if PREFETCH not in request.headers and number is None:
        await _claim(desk, article)
    reading = read_article_view(desk.database, article, number, by=desk.principal)
    view, place = await asyncio.gather(reading, around(desk, article, inside or ""))
    return await _page(request, desk, view, place, DecisionForm(inside=inside or ""))


@router.get("/articles/{article}/decide")
async def show_decided(request: Request, article: InArticle) -> Response:
    """Lead back to the article, after a refused form was read again."""
    return redirect(request, _address(article))


@router.post("/articles/{article}/decide")
async def decide(request: Request, desk: Desk, article: InArticle) -> Response:
    """Make the decision.

    What was typed is shown again if it is refused.
    """
    form = DecisionForm.of(await request.form())
    view = await read_article_view(desk.database, article, by=desk.principal)
    try:
        notice = await _decide(desk, view, form)
    except LongtailError as error:
        if wants_json(request):
            raise
        after = await read_article_view(desk.database, article, by=desk.principal)
        place = await around(desk, article, form.inside)
        return await _page(request, desk, after, place, form, problem=error)
    following = view.details.article if form.asked == PUBLISH or form.kind in _STAYS else None
    if following is not None:
        return redirect(request, with_query(f"{PATH}/articles/{article}", **{"in": form.inside or None}), notice)
    return redirect(request, (await around(desk, article, form.inside)).after_decision, notice)


_STAYS = (DecisionKind.RESTORE, DecisionKind.WITHDRAW)  # they are made while reading, not while working a queue off


@router.post("/articles/{article}/claim")
async def claim(
    request: Request,
    desk: Desk,
    article: InArticle,
    inside: Annotated[str, Form(alias="in", max_length=LONGEST_INSIDE)] = "",
) -> Response:
    """Take the article over from whoever looks at it."""
    await desk.reviews.claim(article, take_over=True)
    return redirect(
        request, _address(article, inside), Notice(head="Taken over", text="Others see that you look at it.")
    )


@router.post("/articles/{article}/renew")
async def renew(request: Request, desk: Desk, article: InArticle) -> Response:
    """Keep a claim for ten more minutes; that of another stays."""
    await _claim(desk, article)
    return redirect(request, _address(article))


@router.post("/articles/{article}/release")
async def release(
    request: Request,
    desk: Desk,
    article: InArticle,
    inside: Annotated[str, Form(alias="in", max_length=LONGEST_INSIDE)] = "",
) -> Response:
    """End the claim and go back to the list."""
    await desk.reviews.release(article)
    place = await around(desk, article, inside)
    return redirect(request, place.list_address, Notice(kind="off", head="Released", text="Nobody looks at it now."))


@router.post("/articles/{article}/seen")
async def see(
    request: Request,
    desk: Desk,
    article: InArticle,
    content_hash: Annotated[str, Form(max_length=64)] = "",
    inside: Annotated[str, Form(alias="in", max_length=LONGEST_INSIDE)] = "",
) -> Response:
    """Note that this person has read the text.

    Nothing is noted if another replaced it meanwhile.
    """
    view = await read_article_view(desk.database, article, by=desk.principal)
    if content_hash in ("", view.details.text.content_hash):
        await desk.reviews.see(article)
    return redirect(request, _address(article, inside))


@router.post("/articles/{article}/findings/{finding}/waive")
async def waive(
    request: Request,
    desk: Desk,
    article: InArticle,
    finding: int,
    content_hash: Annotated[str, Form(max_length=64)] = "",
    reason: Annotated[str, Form(max_length=20_000)] = "",
    inside: Annotated[str, Form(alias="in", max_length=LONGEST_INSIDE)] = "",
) -> Response:
    """Accept a finding in this text."""
    await desk.decisions.waive(article, finding, expected=content_hash, reason=reason)
    return redirect(
        request, _address(article, inside), Notice(head="Waived", text="It stands in nobody's way any more.")
    )


@router.post("/articles/{article}/undo")
async def undo(
    request: Request, desk: Desk, article: InArticle, number: Decision = None, inside: Inside = None
) -> Response:
    """Take the last decision back."""
    undone = await desk.undo.undo(article, number)
    words = "is approved by you no more" if undone.decision.kind is DecisionKind.APPROVE else "waits again"
    text = f"The article {words}; nothing went out."
    return redirect(request, _address(article, inside or ""), Notice(head="Undone", text=text))


async def _claim(desk: Application, article: ArticleId) -> None:
    """Note that this person looks at it, unless another does."""
    try:
        await desk.reviews.claim(article)
    except (NotPermitted, Conflict):  # reading is not claiming, and the page says who has it
        return


async def _decide(desk: Application, view: ArticleView, form: DecisionForm) -> Notice:
    article, zone = view.details.article, view.site.time_zone
    if form.asked == PUBLISH:
        due = (await desk.publishing.publish(article.id)).publication.due_at
        return Notice(head="Published", text=f"“{shortened(article.keyword)}” goes live at {clock(due, zone)}.")
    verdict = form.verdict(zone)
    if verdict.kind is DecisionKind.APPROVE:
        for number, reason in form.waivers.items():
            await desk.decisions.waive(article.id, number, expected=form.content_hash, reason=reason)
    key = f"{desk.who} {form.key}" if form.key else None
    decided = await desk.decisions.decide(article.id, verdict, expected=form.content_hash or None, key=key)
    if decided.status is not ArticleStatus.NEEDS_REVIEW:
        await desk.reviews.see(article.id)
    return decided_notice(decided, article.keyword, zone, form.inside)


async def _page(
    request: Request,
    desk: Application,
    view: ArticleView,
    place: Around,
    form: DecisionForm,
    *,
    problem: LongtailError | None = None,
) -> Response:
    status = view.details.article.status
    may = {
        kind: desk.principal.may(kind.action, view.site.slug) and status in MOVES[kind].sources for kind in DecisionKind
    }
    return await render(
        request,
        "article.html",
        status=problem.status if problem else 200,
        waiting=place.waiting,
        view=view,
        form=form,
        problem=problem,
        problem_words=refusal_words(problem) if problem else "",
        place=place,
        may=may,
        may_waive=desk.principal.may(Action.REVIEW_WAIVE, view.site.slug),
        may_comment=desk.principal.may(Action.REVIEW_COMMENT, view.site.slug),
        may_publish=_may_publish(desk, view),
        effect=effect_words(view.effect),
        key=form.key or secrets.token_urlsafe(12),
        choices={"changes": CHANGES, "reject": REJECTIONS, "keyword": KEYWORDS, "withdraw": WITHDRAWALS},
        undo=undo_address(view.details.article.id, view.last.number, form.inside)
        if view.last and view.may_undo
        else None,
        temporal=_temporal_address(desk, view.workflow_id),
        query=queries(form.inside),
        **ARTICLE_WORDS,
    )


def _may_publish(desk: Application, view: ArticleView) -> bool:
    """Return whether a button publishes the text now."""
    known = view.publication
    is_there = known is not None and (known.status.is_open or known.status.is_live)
    is_approved = view.details.article.status is ArticleStatus.APPROVED
    is_allowed = desk.principal.may(Action.PUBLISH_START, view.site.slug) and not view.details.text.content.offline
    return is_approved and is_allowed and not is_there


def _temporal_address(desk: Application, workflow_id: str) -> str | None:
    if desk.temporal_ui_url is None:
        return None
    return f"{desk.temporal_ui_url}/namespaces/{desk.namespace}/workflows/{workflow_id}"


def _address(article: ArticleId, inside: str = "") -> str:
    return with_query(f"{PATH}/articles/{article}", **{"in": inside or None})
