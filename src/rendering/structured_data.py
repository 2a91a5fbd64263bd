"""Structured data of a page, from its content alone.

It repeats what the page shows, word for word, and nothing else.
"""

import json
from typing import Any

from markupsafe import Markup

from src.domain.content import Approval, Content, Publication
from src.quality.fragment import Fragment


def structured_data(content: Content, approval: Approval | None, publication: Publication) -> Markup:
    """Return JSON that cannot end the script element it stands in."""
    parts = [_article(content, publication), _breadcrumbs(content, publication)]
    if content.faq_schema and (answered := _answered(content)):
        parts.append(_faq(answered, publication))
    if approval:
        parts.append(_reviewed_page(approval, publication))
    document = {"@context": "https://schema.org", "@graph": parts}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _answered(content: Content) -> list[tuple[str, str]]:
    """Return each question and its answer as a reader sees them."""
    html = next((section.html for section in content.sections if section.id == content.questions), "")
    return [(question, answer) for question, answer in Fragment(html).answers if question and answer]


def _article(content: Content, publication: Publication) -> dict[str, Any]:
    author = "Person" if content.author else "Organization"
    return {
        "@type": "Article",
        "@id": f"{publication.canonical}#article",
        "headline": content.h1,
        "inLanguage": content.language,
        "mainEntityOfPage": publication.canonical,
        "datePublished": publication.published_at.isoformat(timespec="seconds"),
        "dateModified": publication.modified_at.isoformat(timespec="seconds"),
        "author": {"@type": author, "name": content.names[0], "url": content.home},
        "publisher": {"@type": "Organization", "name": content.publisher, "url": content.home},
    }


def _breadcrumbs(content: Content, publication: Publication) -> dict[str, Any]:
    trail = [(content.site_name, content.home), (content.h1, publication.canonical)]
    return {
        "@type": "BreadcrumbList",
        "@id": f"{publication.canonical}#breadcrumbs",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": url}
            for position, (name, url) in enumerate(trail, start=1)
        ],
    }


def _faq(answered: list[tuple[str, str]], publication: Publication) -> dict[str, Any]:
    return {
        "@type": "FAQPage",
        "@id": f"{publication.canonical}#faq",
        "mainEntity": [
            {"@type": "Question", "name": question, "acceptedAnswer": {"@type": "Answer", "text": answer}}
            for question, answer in answered
        ],
    }


def _reviewed_page(approval: Approval, publication: Publication) -> dict[str, Any]:
    """Return the page with its reviewer, as an Article cannot name one."""
    return {
        "@type": "WebPage",
        "@id": publication.canonical,
        "reviewedBy": {"@type": "Person", "name": approval.reviewer},
        "lastReviewed": approval.at.date().isoformat(),
    }
