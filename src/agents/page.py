"""The complete HTML page of an article: made by code from the stages' outputs, the same bytes for the same inputs.

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

from . import html
from .language import direction, labels
from .outline import planned_headings


def render(
    site: Site, outline: Outline, draft: Draft, metadata: SeoMetadata, *, generated_at: datetime, offline: bool
) -> str:
    """Return the page. ``generated_at`` is in UTC; ``offline`` marks it as not AI and keeps search engines away."""
    headings = planned_headings(outline, site.language)
    return _template().render(
        site=site,
        h1=outline.h1,
        metadata=metadata,
        canonical=site.url_of(metadata.slug),
        author=_author(site),
        labels=labels(site.language),
        direction=direction(site.language),
        locale=_locale(site.language),
        contents=list(zip(html.section_ids(outline), headings, strict=True)),
        generated_at=generated_at.isoformat(timespec="seconds"),
        date=generated_at.date().isoformat(),
        offline=offline,
        article=Markup(html.article(outline, draft, language=site.language)),  # noqa: S704 - it passed the allow-list
        structured_data=_embedded(_structured_data(site, outline, draft, metadata, generated_at)),
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files(__package__).joinpath("templates", "page.html.jinja").read_text("utf-8"))


def _author(site: Site) -> str:
    return site.profile.author or _publisher(site)


def _publisher(site: Site) -> str:
    return site.profile.publisher or site.name


def _locale(tag: str) -> str | None:
    """The form that ``og:locale`` wants; None where the tag names no region."""
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
    site: Site, outline: Outline, draft: Draft, metadata: SeoMetadata, generated_at: datetime
) -> dict[str, Any]:
    canonical = site.url_of(metadata.slug)
    parts = [_article(site, outline, metadata, generated_at), _breadcrumbs(site, outline.h1, canonical)]
    if metadata.faq_schema and outline.faq:
        parts.append(_faq(html.answered_questions(outline, draft), canonical))
    return {"@context": "https://schema.org", "@graph": parts}


def _article(site: Site, outline: Outline, metadata: SeoMetadata, generated_at: datetime) -> dict[str, Any]:
    home, canonical = str(site.base_url), site.url_of(metadata.slug)
    moment = generated_at.isoformat(timespec="seconds")
    return {
        "@type": "Article",
        "@id": f"{canonical}#article",
        "headline": outline.h1,
        "description": metadata.description,
        "inLanguage": site.language,
        "mainEntityOfPage": canonical,
        "datePublished": moment,
        "dateModified": moment,
        "author": {"@type": "Person" if site.profile.author else "Organization", "name": _author(site), "url": home},
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
