"""The ``<article>`` of a content: code makes the frame and the ids."""

from html import escape
from itertools import count
from re import Match

from src.domain.content import Content, ContentSection

from .sanitiser import TAG

_NUMBERED = {"<h3>", "<h4>"}


def article(content: Content, *, byline: str) -> str:
    """Return the article: h1, introduction, a ``<section>`` per heading.

    ``byline`` is markup to stand below the h1.
    """
    parts = [f"<h1>{escape(content.h1)}</h1>", byline, content.introduction]
    parts += [_section(section) for section in content.sections]
    return "\n".join(["<article>", *filter(None, parts), "</article>"])


def _section(section: ContentSection) -> str:
    id_, heading = section.id, escape(section.heading)
    frame = f'<section id="{id_}" aria-labelledby="{id_}--heading">\n<h2 id="{id_}--heading">{heading}</h2>\n'
    return f"{frame}{_with_ids(section.html, id_)}\n</section>"


def _with_ids(html: str, prefix: str) -> str:
    """Give deeper headings ids.

    No section has such an id.
    """
    numbers = count(1)

    def numbered(tag: Match[str]) -> str:
        return f'{tag[0][:-1]} id="{prefix}--{next(numbers)}">' if tag[0] in _NUMBERED else tag[0]

    return TAG.sub(numbered, html)
