"""Markdown to the HTML of an article.

Only listed elements pass; code makes the frame.

Headings and ids come from the outline, so they equal it regardless of the Markdown.
"""

from collections.abc import Sequence
from html import escape

import nh3
from markdown_it.token import Token

from src.domain.stages import Outline
from src.quality.manuscript import Manuscript, Part, parser
from src.quality.plan import planned_headings

_TAGS = {"h3", "h4", "p", "ul", "ol", "li", "a", "strong", "em", "blockquote", "code", "pre", "br"}
_TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}
_ATTRIBUTES = {"a": {"href", "title"}, "h3": {"id"}, "h4": {"id"}, "ol": {"start"}, "th": {"scope"}}
_SCHEMES = {"https", "mailto"}


def article(outline: Outline, manuscript: Manuscript, *, language: str, byline: str = "") -> str:
    """Return the ``<article>`` with its h1, introduction and one ``<section>`` per heading.

    ``byline`` is markup to stand below the h1.
    """
    headings = planned_headings(outline, language)
    ids = section_ids(outline)
    introduction, *parts = manuscript.parts
    sections = [
        _section(manuscript, part, id_=id_, heading=heading)
        for part, id_, heading in zip(parts, ids, headings, strict=True)
    ]
    introduction_html = _rendered(manuscript, introduction.tokens)
    parts_html = [f"<h1>{escape(outline.h1)}</h1>", byline, introduction_html, *sections]
    return "\n".join(["<article>", *filter(None, parts_html), "</article>"])


def section_ids(outline: Outline) -> list[str]:
    """Return the ids of all sections in order.

    The questions' one cannot be a section's, as it holds two hyphens.
    """
    ids = [section.id for section in outline.sections]
    return [*ids, "faq" if "faq" not in ids else "faq--questions"] if outline.faq else ids


def answered_questions(outline: Outline, manuscript: Manuscript) -> list[tuple[str, str]]:
    """Return each question and its answer as a reader sees them."""
    if not outline.faq:
        return []
    answers = manuscript.sections[-1].answers
    return [(entry.question, answer) for entry, (_, answer) in zip(outline.faq, answers, strict=True)]


def _section(manuscript: Manuscript, part: Part, *, id_: str, heading: str) -> str:
    frame = f'<section id="{id_}" aria-labelledby="{id_}--heading">\n<h2 id="{id_}--heading">{escape(heading)}</h2>\n'
    return f"{frame}{_rendered(manuscript, _with_ids(part.tokens, id_))}\n</section>"


def _with_ids(tokens: Sequence[Token], prefix: str) -> Sequence[Token]:
    """Give deeper headings ids, and header cells their scope.

    No section has such an id.
    """
    headings = [token for token in tokens if token.type == "heading_open"]
    for number, token in enumerate(headings, start=1):
        token.attrSet("id", f"{prefix}--{number}")
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
    return tokens


def _rendered(manuscript: Manuscript, tokens: Sequence[Token]) -> str:
    markdown = parser()
    html = str(markdown.renderer.render(tokens, markdown.options, manuscript.env))
    return nh3.clean(
        html,
        tags=_TAGS | _TABLE_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_permitted,
        url_schemes=_SCHEMES,
        link_rel="noopener",
    ).strip()


def _permitted(tag: str, attribute: str, value: str) -> str | None:
    """Drop addresses without a scheme of their own.

    They would be relative to the page.
    """
    if tag == "a" and attribute == "href" and not value.lower().startswith(("https://", "mailto:")):
        return None
    return value
