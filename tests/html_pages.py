"""Pages as a strict HTML5 parser reads them."""

from datetime import UTC, datetime

from justhtml import JustHTML

MOMENT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def parsed(html: str) -> JustHTML:
    document = JustHTML(html, collect_errors=True, sanitize=False)
    assert not document.errors, document.errors
    return document
