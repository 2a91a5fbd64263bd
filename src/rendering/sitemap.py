"""The sitemap of a site's published pages, as sitemaps.org defines it.

``lastmod`` is the time since when a page's text is what it is: search engines stop believing one that also moves with
the template. Priorities and frequencies are ignored by them, and left out.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from src.domain.publishing import Channel, Listing

from .xml import document

MOST_ADDRESSES = 50_000  # of one file, as the protocol says
SITEMAP = "sitemap.xml"
PART = "sitemap-{}.xml"
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap(channel: Channel, *, most: int = MOST_ADDRESSES) -> dict[str, bytes]:
    """Return its files by their names.

    One, or an index and its parts."""
    listings = sorted(channel.listings, key=lambda listing: listing.canonical)
    if len(listings) <= most:
        return {SITEMAP: _addresses(listings)}
    parts = {PART.format(number): part for number, part in enumerate(_parts(listings, most), start=1)}
    index = Element("sitemapindex", xmlns=_NAMESPACE)
    for name, part in parts.items():
        entry = SubElement(index, "sitemap")
        SubElement(entry, "loc").text = f"{channel.home.rstrip('/')}/{name}"
        SubElement(entry, "lastmod").text = max(listing.modified_at for listing in part).isoformat(timespec="seconds")
    return {SITEMAP: document(index)} | {name: _addresses(part) for name, part in parts.items()}


def _addresses(listings: Sequence[Listing]) -> bytes:
    root = Element("urlset", xmlns=_NAMESPACE)
    for listing in listings:
        entry = SubElement(root, "url")
        SubElement(entry, "loc").text = listing.canonical
        SubElement(entry, "lastmod").text = listing.modified_at.isoformat(timespec="seconds")
    return document(root)


def _parts(listings: Sequence[Listing], most: int) -> list[Sequence[Listing]]:
    return [listings[start : start + most] for start in range(0, len(listings), most)]
