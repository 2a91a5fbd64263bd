"""The complete HTML page of an article.

Made by code from the stages' outputs, the same bytes for the same inputs.

Structured data repeats what the page shows, word for word, and nothing else.
"""

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from src.domain.site import Site
from src.domain.stages import Draft, Outline, SeoMetadata
from src.quality.language import direction, labels
from src.quality.manuscript import Manuscript

from . import article_html as html


def render(
    site: Site, outline: Outline, draft: Draft, metadata: SeoMetadata, *, generated_at: datetime, offline: bool
) -> str:
    """Return the page.

    ``generated_at`` is in UTC; ``offline`` marks it as not AI and keeps search engines away.
    """
    manuscript = Manuscript(draft.markdown)
    moment = generated_at.isoformat(timespec="seconds")
    byline = _template("byline").render(
        by=labels(site.language).by, names=_names(site), moment=moment, date=generated_at.date().isoformat()
    )
    article = html.article(outline, manuscript, language=site.language, byline=byline)
    return _template("page").render(
        site=site,
        h1=outline.h1,
        metadata=metadata,
        canonical=site.url_of(metadata.slug),
        labels=labels(site.language),
        direction=direction(site.language),
        locale=_locale(site.language),
        moment=moment,
        offline=offline,
        article=Markup(article),  # noqa: S704 - it passed the allow-list
        structured_data=_embedded(_structured_data(site, outline, manuscript, metadata, moment)),
    )


@cache
def _template(name: str) -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files(__package__).joinpath("templates", f"{name}.html.jinja").read_text("utf-8"))


def _names(site: Site) -> list[str]:
    """Return author and publisher of page and structured data."""
    return list(dict.fromkeys([site.profile.author or _publisher(site), _publisher(site)]))


def _publisher(site: Site) -> str:
    return site.profile.publisher or site.name


def _locale(tag: str) -> str | None:
    """Return the form that ``og:locale`` wants.

    None where the tag names no region.
    """
    language, *rest = tag.split("-")
    region = [part for part in rest if len(part) == 2]
    return f"{language}_{region[0]}" if region else None


def _embedded(document: dict[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(document, ensure_ascii=False, indent=1)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _structured_data(
    site: Site, outline: Outline, manuscript: Manuscript, metadata: SeoMetadata, moment: str
) -> dict[str, Any]:
    canonical = site.url_of(metadata.slug)
    parts = [_article(site, outline.h1, canonical, moment), _breadcrumbs(site, outline.h1, canonical)]
    if metadata.faq_schema and outline.faq:
        parts.append(_faq(html.answered_questions(outline, manuscript), canonical))
    return {"@context": "https://schema.org", "@graph": parts}


def _article(site: Site, h1: str, canonical: str, moment: str) -> dict[str, Any]:
    home, author = str(site.base_url), "Person" if site.profile.author else "Organization"
    return {
        "@type": "Article",
        "@id": f"{canonical}#article",
        "headline": h1,
        "inLanguage": site.language,
        "mainEntityOfPage": canonical,
        "datePublished": moment,
        "dateModified": moment,
        "author": {"@type": author, "name": _names(site)[0], "url": home},
        "publisher": {"@type": "Organization", "name": _publisher(site), "url": home},
    }


def _breadcrumbs(site: Site, h1: str, canonical: str) -> dict[str, Any]:
    trail = [(site.name, str(site.base_url)), (h1, canonical)]
    return {
        "@type": "BreadcrumbList",
        "@id": f"{canonical}#breadcrumbs",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": url}
            for position, (name, url) in enumerate(trail, start=1)
        ],
    }


def _faq(answered: list[tuple[str, str]], canonical: str) -> dict[str, Any]:
    return {
        "@type": "FAQPage",
        "@id": f"{canonical}#faq",
        "mainEntity": [
            {"@type": "Question", "name": question, "acceptedAnswer": {"@type": "Answer", "text": answer}}
            for question, answer in answered
        ],
    }
