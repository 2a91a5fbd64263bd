"""What differs between two revisions, taken over or left, block by block."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from src.application.article_view import ArticleView, read_article_view
from src.application.revisions import get_difference
from src.bootstrap import Application
from src.domain.comparison import Baseline
from src.domain.content import Content
from src.domain.difference import Difference
from src.domain.errors import InputInvalid, LongtailError, TextReplaced
from src.domain.ids import ArticleId
from src.domain.permissions import Action

from ...values import MAX_REVISIONS, InArticle
from ..article_words import ARTICLE_WORDS, queries
from ..decision_form import DecisionForm
from ..difference_words import blocks_of
from ..neighbours import LONGEST_INSIDE, around, keep_place
from ..notices import Notice
from ..shell import PATH, redirect, render, wants_json, with_query
from ..signed_in import Desk

router = APIRouter()

Inside = Annotated[str | None, Query(alias="in", max_length=LONGEST_INSIDE)]
Shown = Annotated[int | None, Query(alias="r", ge=1, le=MAX_REVISIONS)]
Against = Annotated[str | None, Query(alias="vs", max_length=20)]
_REJECTED, _PREFIX = "n", "b-"


@router.get("/articles/{article}/diff")
async def show_difference(
    request: Request,
    desk: Desk,
    article: InArticle,
    number: Shown = None,
    against: Against = None,
    inside: Inside = None,
    whole: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """Compare a revision with another, by a name or its number."""
    view = await read_article_view(desk.database, article, number, by=desk.principal)
    before = _number_of(view, against)
    return await _page(request, desk, view, before, inside or "", unfold=whole)


@router.post("/articles/{article}/diff")
async def accept(request: Request, desk: Desk, article: InArticle) -> Response:
    """Store the earlier text with the accepted blocks as a revision."""
    form = await request.form()
    before, after = _whole(form, "before"), _whole(form, "after")
    inside = str(form.get("in", ""))[:LONGEST_INSIDE]
    rejected = {name.removeprefix(_PREFIX) for name, given in form.items() if given == _REJECTED}
    kept = await keep_place(desk, article, inside)
    try:
        difference = await get_difference(desk.database, article, by=desk.principal, before=before, after=after)
        hunks = [hunk.id for hunk in difference.hunks if hunk.id not in rejected]
        parent = str(form.get("parent", ""))
        made = await desk.revisions.accept(article, hunks, before=before, after=after, parent=parent)
    except TextReplaced as error:
        if wants_json(request):
            raise
        return await _refused(request, desk, article, before, inside, rejected, error)
    to = with_query(f"{PATH}/articles/{article}", **{"in": kept or None})
    if not made.is_new:
        notice = Notice(kind="off", head="Nothing changed", text="All blocks are as the newest revision has them.")
        return redirect(request, to, notice)
    await desk.reviews.see(article)
    text = f"Revision {made.revision.number} is yours; {len(rejected)} of {len(difference.hunks)} blocks were left."
    return redirect(request, to, Notice(head="Saved", text=text))


async def _refused(
    request: Request,
    desk: Application,
    article: ArticleId,
    before: int,
    inside: str,
    rejected: set[str],
    error: TextReplaced,
) -> Response:
    """Compare with what replaced the text.

    A block that is the same there keeps its choice.
    """
    view = await read_article_view(desk.database, article, by=desk.principal)
    earlier = before if before != view.shown.number else _number_of(view, None)
    return await _page(request, desk, view, earlier, inside, rejected=rejected, problem=error, unfold=True)


async def _page(  # noqa: PLR0913 - all that is shown
    request: Request,
    desk: Application,
    view: ArticleView,
    before: int | None,
    inside: str,
    *,
    rejected: set[str] | None = None,
    problem: LongtailError | None = None,
    unfold: bool = False,
) -> Response:
    article, content = view.details.article, view.shown.content
    difference: Difference | None = None
    if before is not None:
        difference = await get_difference(
            desk.database, article.id, by=desk.principal, before=before, after=view.shown.number
        )
    headings = _headings(content)
    unseen = None if unfold or not view.is_newest else view.details.unseen
    blocks = blocks_of(difference, headings, unseen=unseen, rejected=rejected or ()) if difference else []
    changed = {block.hunk.place for block in blocks}
    return await render(
        request,
        "difference.html",
        status=problem.status if problem else 200,
        view=view,
        form=DecisionForm(inside=inside),
        place=await around(desk, article.id, inside),
        difference=difference,
        blocks=blocks,
        unchanged=[heading for id_, heading in headings.items() if id_ and id_ not in changed],
        problem=problem,
        kept=len([block for block in blocks if not block.is_accepted]),
        may_edit=_may_accept(desk, view, before),
        chosen=next((name for name, number in view.compared.items() if number == before), None),
        query=queries(inside),
        **ARTICLE_WORDS,
    )


def _may_accept(desk: Application, view: ArticleView, before: int | None) -> bool:
    newest = view.details.text.number
    is_possible = view.details.article.status.is_editable and newest in (before, view.shown.number)
    return is_possible and desk.principal.may(Action.REVIEW_EDIT, view.site.slug)


def _headings(content: Content) -> dict[str, str]:
    return {"": content.h1} | {each.id: each.heading for each in content.sections}


def _number_of(view: ArticleView, against: str | None) -> int | None:
    """Return which revision is meant; None: none has that name."""
    if against is None:
        return next(iter(view.compared.values()), None)
    if against in set(Baseline):
        return view.compared.get(Baseline(against))
    if against.isdecimal() and len(against) < 8 and int(against) > 0:
        return int(against)
    raise InputInvalid("vs", against, f"write {', '.join(Baseline)} or a number", reason="unknown")


def _whole(form: FormData, name: str) -> int:
    given = form.get(name)
    if not isinstance(given, str) or not given.isdecimal() or len(given) > 7 or int(given) < 1:
        raise InputInvalid(name, None, "use the form of the page", reason="unknown")
    return int(given)
