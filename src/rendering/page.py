"""The complete HTML page of a content.

Made by code, the same bytes for the same inputs. Only reviewer, dates and canonical are not part of the content.
"""

from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from src.domain.content import Approval, Content, Publication
from src.quality.language import direction, labels

from .article_html import article
from .structured_data import structured_data


def render(content: Content, approval: Approval | None, publication: Publication) -> str:
    """Return the page.

    An offline content is marked as not AI and keeps search engines away.
    """
    words = labels(content.language)
    byline = _template("byline").render(
        labels=words,
        names=content.names,
        moment=publication.published_at.isoformat(timespec="seconds"),
        date=publication.published_at.date().isoformat(),
        reviewer=approval.reviewer if approval else None,
    )
    return _template("page").render(
        content=content,
        publication=publication,
        labels=words,
        direction=direction(content.language),
        locale=_locale(content.language),
        article=Markup(article(content, byline=byline)),  # noqa: S704 - each part of it passed the allow-list
        structured_data=structured_data(content, approval, publication),
    )


def preview(content: Content, at: datetime) -> str:
    """Return the page as if it were published ``at`` that time."""
    return render(content, None, Publication(published_at=at, modified_at=at, canonical=content.address))


@cache
def _template(name: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files(__package__).joinpath("templates", f"{name}.html.jinja").read_text("utf-8"))


def _locale(tag: str) -> str | None:
    """Return the form that ``og:locale`` wants.

    None where the tag names no region.
    """
    language, *rest = tag.split("-")
    region = [part for part in rest if len(part) == 2]
    return f"{language}_{region[0]}" if region else None
