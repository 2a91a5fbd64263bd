"""The text of an article in other forms.

To read and comment, as source, as Markdown, as its outline.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from src.application.article_view import ArticleView, read_article_view
from src.bootstrap import Application
from src.domain.content import Content
from src.domain.permissions import Action
from src.quality.fragment import Fragment
from src.rendering.article_html import article as article_html
from src.rendering.markdown import to_markdown
from src.rendering.sanitiser import sanitised

from ...values import MAX_REVISIONS, InArticle
from ..article_words import ARTICLE_WORDS, queries
from ..decision_form import DecisionForm
from ..neighbours import LONGEST_INSIDE, around
from ..shell import render
from ..signed_in import Desk

router = APIRouter()

Inside = Annotated[str | None, Query(alias="in", max_length=LONGEST_INSIDE)]
Shown = Annotated[int | None, Query(alias="r", ge=1, le=MAX_REVISIONS)]


@router.get("/articles/{article}/text")
async def show_text(
    request: Request, desk: Desk, article: InArticle, number: Shown = None, inside: Inside = None
) -> Response:
    """Show the text to read, and to comment on selected words."""
    view = await read_article_view(desk.database, article, number, by=desk.principal)
    return await _page(request, desk, view, "text", inside, parts=_parts(view.shown.content))


@router.get("/articles/{article}/source")
async def show_source(
    request: Request, desk: Desk, article: InArticle, number: Shown = None, inside: Inside = None
) -> Response:
    """Show the article's HTML, as text."""
    view = await read_article_view(desk.database, article, number, by=desk.principal)
    return await _page(request, desk, view, "source", inside, code=article_html(view.shown.content, byline=""))


@router.get("/articles/{article}/markdown")
async def show_markdown(
    request: Request, desk: Desk, article: InArticle, number: Shown = None, inside: Inside = None
) -> Response:
    """Show the text as Markdown."""
    view = await read_article_view(desk.database, article, number, by=desk.principal)
    return await _page(request, desk, view, "markdown", inside, code=_markdown(view.shown.content))


@router.get("/articles/{article}/outline")
async def show_outline(
    request: Request, desk: Desk, article: InArticle, number: Shown = None, inside: Inside = None
) -> Response:
    """Show the headings with the length of what stands below each."""
    view = await read_article_view(desk.database, article, number, by=desk.principal)
    return await _page(request, desk, view, "outline", inside, outline=_outline(view.shown.content))


async def _page(
    request: Request,
    desk: Application,
    view: ArticleView,
    chosen: str,
    inside: str | None,
    **shown: Any,  # noqa: ANN401 - as templates take them
) -> Response:
    return await render(
        request,
        "texts.html",
        view=view,
        chosen=chosen,
        form=DecisionForm(inside=inside or ""),
        place=await around(desk, view.details.article.id, inside or ""),
        may_comment=desk.principal.may(Action.REVIEW_COMMENT, view.site.slug),
        query=queries(inside or ""),
        **shown,
        **ARTICLE_WORDS,
    )


def _parts(content: Content) -> list[tuple[str, str, Markup]]:
    """Return id, heading and HTML of each part.

    It passes the sanitiser once more, as it stands in a page of ours.
    """
    parts = [("", content.h1, content.introduction), *((each.id, each.heading, each.html) for each in content.sections)]
    return [(id_, heading, Markup(sanitised(html))) for id_, heading, html in parts]  # noqa: S704 - just sanitised


def _markdown(content: Content) -> str:
    parts = [f"# {content.h1}", to_markdown(content.introduction)]
    parts += [part for each in content.sections for part in (f"## {each.heading}", to_markdown(each.html))]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def _outline(content: Content) -> list[tuple[int, str, int]]:
    """Return level, text and words of each heading.

    Those of a section are all that stands in it.
    """
    found = [(1, content.h1, Fragment(content.introduction).words)]
    for section in content.sections:
        read = Fragment(section.html)
        found.append((2, section.heading, read.words))
        found += [(heading.level, heading.text, 0) for heading in read.headings]
    return found
