"""HTML of a section, reduced to what an article may hold.

Ids are set by code when a page is rendered, so none passes here.
"""

import re

import nh3

from src.quality.wording import clean_prose, without_invisible

_TAGS = {"h3", "h4", "p", "ul", "ol", "li", "a", "strong", "em", "blockquote", "code", "pre", "br"}
_TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "th": {"scope"}}
_SCHEMES = {"https", "mailto"}
_RENAMED = {"<b>": "<strong>", "</b>": "</strong>", "<i>": "<em>", "</i>": "</em>"}  # as editors write them
_FROM_EDITORS = {"h1", "h2", "h5", "h6", "div"}  # to be replaced, not lost with what they separate
TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')  # of what nh3 wrote: it quotes each value, and escapes each other «<»


def sanitised(fragment: str) -> str:
    """Return the fragment with nothing but listed elements.

    What comes out goes in again unchanged.
    """
    html = nh3.clean(
        clean_prose(fragment),
        tags=_TAGS | _TABLE_TAGS | {"b", "i"},
        attributes=_ATTRIBUTES,
        attribute_filter=_permitted,
        url_schemes=_SCHEMES,
        link_rel="noopener",
    )
    # Once more for characters that were written as references. NFC is not: it would join a bracket with an accent.
    return without_invisible(TAG.sub(lambda tag: _RENAMED.get(tag[0], tag[0]), html)).strip()


def sanitised_marks(fragment: str) -> str:
    """Return a comparison of sanitised fragments, well-formed, with ``ins`` and ``del``."""
    return nh3.clean(
        fragment,
        tags=_TAGS | _TABLE_TAGS | {"ins", "del"},
        attributes=_ATTRIBUTES,
        attribute_filter=_permitted,
        url_schemes=_SCHEMES,
        link_rel="noopener",
    )


def well_formed(fragment: str) -> str:
    """Return what an editor sent, well-formed and not yet sanitised.

    Headings of all levels and ``div`` are still in it.
    """
    return nh3.clean(clean_prose(fragment), tags=_TAGS | _TABLE_TAGS | _FROM_EDITORS | {"b", "i"}, link_rel=None)


def _permitted(tag: str, attribute: str, value: str) -> str | None:
    """Drop addresses without a scheme of their own.

    They would be relative to the page.
    """
    if tag == "a" and attribute == "href" and not value.lower().startswith(("https://", "mailto:")):
        return None
    return value
